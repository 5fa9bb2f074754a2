"""Doors are true: what a room lists it has, what is public it lists, and opening the front door loads nothing heavy."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import SRC, modules

ROOMS = {name: path for name, path in modules().items() if path.name != "__init__.py"}
HEAVY = ("sqlalchemy", "alembic", "pydantic", "httpx", "httpx2", "typer", "rich", "agentdojo", "lark", "jwt")


def defined(path: Path) -> set[str]:
    """Public names that a module makes itself: classes and functions."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        # a decorated function is reached through what decorates it: a command by its name on the command line
        if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and not node.decorator_list):
            names.add(node.name)
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(ROOMS), ids=str)
def test_a_room_lists_what_is_public_and_only_that(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    assert listed is not None, f"{name} has no __all__"
    assert len(listed) == len(set(listed)), f"{name} lists a name twice"
    missing = [item for item in listed if not hasattr(module, item)]
    assert missing == [], f"{name} lists what it does not have"
    assert sorted(defined(ROOMS[name]) - set(listed)) == [], f"{name} keeps public names off its list"
    assert [item for item in listed if item.startswith("_")] == []


@pytest.mark.parametrize("name", sorted(set(modules()) - set(ROOMS)))
def test_a_package_has_what_it_lists(name: str) -> None:
    module = importlib.import_module(name)
    assert [item for item in getattr(module, "__all__", ()) if not hasattr(module, item)] == []


@pytest.mark.parametrize("name", sorted(ROOMS), ids=str)
def test_a_room_has_a_law_at_its_door(name: str) -> None:
    document = ast.get_docstring(ast.parse(ROOMS[name].read_text(encoding="utf-8")))
    assert document, f"{name} does not say what it decides"


def fresh(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


@pytest.mark.parametrize("name", ["intended_core", "intended_adapters"])
def test_import_loads_nothing_heavy(name: str) -> None:
    assert fresh(f"import sys, {name}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))") == ""


@pytest.mark.parametrize(
    "name", sorted(room for room in ROOMS if room.startswith("intended_core.") and room.count(".") == 1)
)
def test_a_word_or_contract_loads_no_edge_library(name: str) -> None:
    if name in {"intended_core.aio", "intended_core.config"}:
        pytest.skip("assembly may load what it assembles")
    edge = {"sqlalchemy", "alembic", "pydantic", "httpx", "httpx2", "typer", "rich"}
    assert fresh(f"import sys, {name}; print(*sorted({edge!r} & set(sys.modules)))") == ""
