"""The tables that `make faults` prints say what the tests assert, and would show a cell that allows."""

from __future__ import annotations

from unittest.mock import sentinel

import pytest

from intended_core import Deny, Granted, Reason
from scripts import faults
from tests.faults.fault_world import Crash, Run
from tests.faults.test_every_effect import effects_of
from tests.faults.test_interleavings import FLOWS


def test_a_cell_has_a_letter_for_each_effect() -> None:
    effects = len(effects_of("redeem"))
    assert faults.cell("redeem", "error") == "r" * effects
    assert set(faults.cell("authorize-deny", "crash-before")) == {"x"}
    lines = faults.faults(["redeem"])
    assert (len(lines), lines[2].startswith(f"| redeem | {'r' * effects} |")) == (3, True)


def test_each_way_to_end_has_its_letter() -> None:
    denied = Deny(kind="default", reasons=(Reason(text="no"),))
    granted = object.__new__(Granted)
    for result, error, letter in ((denied, None, "d"), (None, ValueError(), "r"), (None, Crash(), "x"), (7, None, "."), (granted, None, "A"), (b'{"answer":"consumed"}', None, "A")):
        assert faults.letter(Run(result=result, error=error, reached=sentinel.effect)) == letter


def test_a_letter_that_allows_is_an_error_of_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults.main(["redeem-other"]) == 0
    monkeypatch.setattr(faults, "cell", lambda name, fault: "rA")
    assert faults.main(["redeem-other"]) == 1
    assert "letters that allow: 8" in capsys.readouterr().out


def test_orders_are_counted_and_held_to_what_may_be() -> None:
    lines = faults.interleavings(["withdraw-credentials"])
    assert len(lines) > 8
    assert any(line.startswith("| serve with withdraw-credentials |") for line in lines)
    assert "withdraw-credentials" in FLOWS
