"""Tracked files carry nothing of the machine they were made on, no loose end, and no dangerous call."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bench import render
from tests.house.source import PACKAGES, ROOT, modules, tracked

TEXT = {".py", ".md", ".toml", ".txt", ".lark", ".policy", ".yaml", ".yml", ".json", ".html", ".ini", ".cfg", ""}
FORBIDDEN = {
    "a home or work folder": re.compile(
        r"(?:^|[\s\"'=(])/(?:wo" r"rk|ho" r"me|ro" r"ot|Us" r"ers)/[A-Za-z]", re.MULTILINE
    ),
    "a package index": re.compile(
        r"index-" r"url|py" r"pi\.org/simple|files\.pythonhos" r"ted\.org|\"resolved\": \"http"
    ),
    "a loose end": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"),
}
CALLS = {"eval", "exec", "__import__", "breakpoint"}
MODULES = {"pickle", "marshal", "shelve", "random"}
# the one place that turns a checked, typed tree into a function
MAY_EXECUTE = {
    "intended_core.lang.codegen",
    "intended_core.lang.compiler",
    "intended_core.engine.evaluator",
    "intended_core.quick",  # a function of a dataclass's field names, once per class at import
}


def readable(path: Path) -> bool:
    return path.suffix in TEXT and path.name != "LICENSE"


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_tracked_files_do_not_hold(what: str) -> None:
    places = []
    for path in tracked():
        if not readable(path):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = FORBIDDEN[what].search(text)
        if found:
            places.append(f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}")
    assert places == []


def test_the_patterns_can_match() -> None:
    assert FORBIDDEN["a home or work folder"].search('open("/ho' + 'me/someone/key")')
    assert FORBIDDEN["a package index"].search("--index-" + "url x")
    assert FORBIDDEN["a loose end"].search("# TO" + "DO later")


def test_no_lock_file_names_addresses() -> None:
    assert [path.name for path in tracked() if path.name in {"uv.lock", "poetry.lock", "Pipfile.lock"}] == []


def test_constraints_pin_exactly_and_name_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)] == []
    names = [re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in pins]
    assert len(names) == len(set(names))


def problems(tree: ast.Module, name: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        at = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Assert):
            found.append(f"{at} assert is no check")
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                found.append(f"{at} bare except")
            if len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
                found.append(f"{at} swallowed error")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in CALLS
            and name not in MAY_EXECUTE
        ):
            found.append(f"{at} {node.func.id}()")
        if isinstance(node, ast.Import) and {alias.name.partition(".")[0] for alias in node.names} & MODULES:
            found.append(f"{at} import of {node.names[0].name}")
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            found.append(f"{at} import of {node.module}")
        # a lazy door names its rooms for type checkers; nothing below a door may
        checking = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        if checking and name not in PACKAGES:
            found.append(f"{at} a type lives one floor too high")
    return found


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_dangerous_or_swallowing_code(name: str) -> None:
    assert problems(ast.parse(modules()[name].read_text(encoding="utf-8")), name) == []


def test_dangerous_code_is_found() -> None:
    text = "import pickle\ntry:\n    eval('1')\nexcept:\n    pass\nassert 1\nif TYPE_CHECKING:\n    x = 1\n"
    assert len(problems(ast.parse(text), "some.room")) == 6


def test_the_performance_page_shows_the_last_results() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page == render.render(page, render.load()), "run `python bench/render.py`"


@pytest.mark.parametrize("path", sorted((ROOT / "bench" / "results").glob("*.json")), ids=lambda path: path.stem)
def test_a_result_file_names_machine_versions_date_and_figures(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    if "suites" in found:
        assert all(suite["attacks"] > 0 for suite in found["suites"].values())
        return
    if "engines" in found:
        assert all(engine["version"] and engine["answers"] for engine in found["engines"].values())
        return
    assert {"room", "machine", "cpu", "python", "versions", "date", "figures"} <= set(found)
    assert found["room"] == path.stem
    assert found["figures"]
    for figure in found["figures"]:
        assert set(figure) == {"name", "value", "unit", "target", "met"}
        assert (figure["target"] is None) == (figure["met"] is None)
