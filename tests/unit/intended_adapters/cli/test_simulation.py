"""How a simulation is told: to people in a table that nothing in a decision can disturb, to programs whole."""

from __future__ import annotations

import pytest
from rich.console import Console

from intended_adapters.cli import simulation as room
from intended_adapters.cli.simulation import MAX_ROWS, show_simulation, simulation_json, watched
from intended_core import EntityRef
from intended_core.flows.simulate import Flip, Simulation


def simulation(flips: int) -> Simulation:
    flip = Flip(
        seq=7, time_us=1_800_000_000_000_000, principal=EntityRef("Agent", "bot\x1b[31m"), action="pay", resource=EntityRef("Account", "[bold]x"),
        before="deny(forbid)", after="allow", before_rules=("closed",), after_rules=("small",), reason="",
    )  # fmt: skip
    return Simulation(
        draft_id="d", asked=flips + 2, same=2, opens=flips, closes=0, flips=(flip,) * flips, passed_over={"no snapshot": 3},
        moves={("deny", "allow"): flips, ("allow", "allow"): 2}, first=1, last=9, whole=False,
    )  # fmt: skip


def test_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "console", Console(width=200, highlight=False))
    show_simulation(simulation(1))
    out = capsys.readouterr().out
    assert "3 decisions asked again (records 1 to 9), 2 answered the same" in out
    assert "▲ 1 would let more through, ▼ 0 less" in out
    assert "passed over 3: no snapshot" in out
    assert "older decisions were not asked" in out
    assert "\x1b" not in out
    assert "[bold]x" in out


def test_long_lists_are_cut_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_simulation(simulation(MAX_ROWS + 5))
    assert "and 5 more" in capsys.readouterr().out


def test_nothing_that_flips(capsys: pytest.CaptureFixture[str]) -> None:
    show_simulation(simulation(0))
    assert "▲" not in capsys.readouterr().out


def test_for_programs() -> None:
    told = simulation_json(simulation(2))
    assert (len(told["flips"]), told["moves"], told["whole"]) == (2, [["allow", "allow", 2], ["deny", "allow", 2]], False)


def test_progress_is_quiet_where_nobody_looks() -> None:
    for as_json in (True, False):
        with watched(as_json) as progress:
            assert progress is None
