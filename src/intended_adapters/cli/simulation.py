"""How a simulation looks: what moved from which answer to which, and each decision that would be another one now."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from intended_adapters.cli.common import console, plain

__all__ = ["show_simulation", "simulation_json", "watched"]

MAX_ROWS = 50
_ANSWERS = ("allow", "escalate", "deny")
_STYLE = {"allow": "green", "escalate": "yellow", "deny": "red"}


@contextmanager
def watched(json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr, where somebody looks at it."""
    if json or not sys.stderr.isatty():
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking recorded decisions again", total=None)
        yield lambda at, whole: bar.update(task, completed=at, total=whole)


def simulation_json(found: Any) -> dict[str, Any]:
    """A simulation as plain data."""
    return {
        "draft": found.draft_id, "asked": found.asked, "same": found.same, "opens": found.opens, "closes": found.closes,
        "first": found.first, "last": found.last, "whole": found.whole, "passed_over": dict(found.passed_over),
        "moves": [[before, after, number] for (before, after), number in sorted(found.moves.items())],
        "flips": [
            {
                "seq": flip.seq, "time_us": flip.time_us, "way": flip.way, "principal": str(flip.principal), "action": flip.action,
                "resource": str(flip.resource), "before": flip.before, "after": flip.after, "before_rules": list(flip.before_rules),
                "after_rules": list(flip.after_rules), "reason": flip.reason,
            }
            for flip in found.flips
        ],
    }  # fmt: skip


def _answer(said: str) -> Text:
    return Text(plain(said), style=_STYLE.get(said.partition("(")[0], ""))


def _moves(found: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("decided", style="dim")
    for answer in _ANSWERS:
        table.add_column(f"now {answer}", justify="right")
    for before in _ANSWERS:
        numbers = [found.moves.get((before, after), 0) for after in _ANSWERS]
        if any(numbers):
            cells = [
                Text(str(number), style="" if before == after else _STYLE[after] + " bold") if number else Text("·", style="dim")
                for after, number in zip(_ANSWERS, numbers, strict=True)
            ]
            table.add_row(_answer(before), *cells)
    return table


def _flips(found: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "record", "when", "who", "does", "was", "would be", "because"):
        table.add_column(name, no_wrap=name != "because", overflow="fold")
    for flip in found.flips[:MAX_ROWS]:
        when = datetime.fromtimestamp(flip.time_us / 1_000_000, UTC).strftime("%m-%d %H:%M")
        opens = flip.way == "opens"
        why = flip.reason or ", ".join(flip.after_rules)
        table.add_row(
            Text("▲" if opens else "▼", style="red bold" if opens else "cyan"), str(flip.seq), when, Text(plain(str(flip.principal))),
            Text(plain(f"{flip.action} {flip.resource}")), _answer(flip.before), _answer(flip.after), Text(plain(why)),
        )  # fmt: skip
    return table


def show_simulation(found: Any) -> None:
    """The simulation for people: numbers, then the decisions that flip, those that open first."""
    span = "no record" if found.first is None else f"records {found.first} to {found.last}"
    console.print(Text(f"{found.asked} decisions asked again ({span}), {found.same} answered the same"))
    console.print(_moves(found))
    if found.flips:
        console.print(Text(f"\n▲ {found.opens} would let more through, ▼ {found.closes} less"))
        console.print(_flips(found))
    if found.opens + found.closes > MAX_ROWS:
        console.print(Text(f"… and {found.opens + found.closes - MAX_ROWS} more; --json lists up to a thousand", style="dim"))
    for reason, number in sorted(found.passed_over.items()):
        console.print(Text(plain(f"passed over {number}: {reason}"), style="dim"))
    if not found.whole:
        console.print(Text("older decisions were not asked; --most asks more", style="dim"))
    console.print(Text(f"next: intended policy approve {found.draft_id} --person … --key …"))
