"""The command line as a person uses it: arguments in, exit code and two streams out; and one store that a file of tests shares."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from intended_adapters.cli.app import main
from tests.house.source import ROOT

PAYMENTS = ROOT / "policies" / "examples" / "payments"


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shop(NamedTuple):
    """A store with the tenant acme and the payments policies, and the options that name it."""

    folder: Path
    options: tuple[str, ...]
    pin: str


def _call(arguments: tuple[str, ...]) -> int:
    held = sys.argv
    sys.argv = ["intended", *arguments]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = held
    return 0


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`run("check", "folder")`: through the entry point, errors included."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = _call(arguments)
        got = capsys.readouterr()
        return Done(code, got.out, got.err)

    return call


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    where = ("--store", str(folder / "data" / "authority.db"), "--key-file", str(folder / "keys" / "kek"))
    options = (*where, "--tenant", "acme")
    assert _call((*where, "init")) == 0
    assert _call((*where, "tenant", "create", "acme")) == 0
    assert _call((*options, "policy", "activate", str(PAYMENTS))) == 0
    assert _call((*options, "entities", "load", str(PAYMENTS / "entities.json"))) == 0
    for case in json.loads((PAYMENTS / "intents.json").read_bytes()):
        (folder / f"{case['name'].replace(' ', '-')}.json").write_text(json.dumps(case["intent"]), encoding="utf-8")
    from intended_core import Authority

    with Authority.open(folder / "data" / "authority.db", key_file=folder / "keys" / "kek") as authority:
        pin = str(authority.tenant("acme", "live").checkpoint()[1])
    return Shop(folder, options, pin)


@pytest.fixture
def payments() -> Path:
    return PAYMENTS
