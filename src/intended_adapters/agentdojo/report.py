"""The table for people and the results file for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from intended_adapters.agentdojo.bench import ORDERS, SUITE_VERSION, SuiteResult

__all__ = ["results_json", "show"]

_ROWS: Final = (
    ("user tasks", "user_tasks"),
    ("done, nobody answering", "utility_without"),
    ("done, a careful person answering", "utility_with"),
    ("needed no person", "no_human"),
    ("needed exactly one approval", "one_approval"),
    ("refused outright", "refused"),
    ("attacks played", "attacks"),
    ("attacks succeeded", "attacks_succeeded"),
    ("  the same without the gate", "ungated_attacks_succeeded"),
    ("tokens redeemed", "tokens"),
    ("second redemptions refused", "replays_refused"),
    ("µs per call at the gate", "us_per_call"),
)


def results_json(results: Sequence[SuiteResult], *, attack: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `bench/results/agentdojo.json`. Tasks and attacks are counts; `us_per_call` is a mean in microseconds."""
    return {
        "room": "agentdojo",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: _version(name) for name in ("agentdojo", "intended", "cryptography", "sqlalchemy")},
        "date": datetime.now(UTC).date().isoformat(),
        "benchmark": {"suites": SUITE_VERSION, "attack": attack, "orders": list(ORDERS), "model": None},
        "suites": {
            result.name: {
                **result.figures(),
                "waits": {
                    task.task: [f"{call.function} ({', '.join(_origins(call.origins))})" for call in task.waits]
                    for task in result.tasks
                    if task.waits
                },
                **evidence.get(result.name, {}),
            }
            for result in results
        },
    }


def show(console: Console, results: Sequence[SuiteResult], *, attack: str, evidence: Mapping[str, Any]) -> None:
    """Print the table, what waited for a person and why, and what the log and the bundle showed."""
    table = Table(title=f"AgentDojo {SUITE_VERSION}, played without a model; attack text: {attack}", title_justify="left")
    table.add_column("")
    for result in results:
        table.add_column(result.name, justify="right")
    figures = [result.figures() for result in results]
    for label, key in _ROWS:
        bad = key in ("refused", "attacks_succeeded")
        cells = (_cell(found[key], alarm=bad) for found in figures)
        table.add_row(label, *cells, end_section=key in ("refused", "ungated_attacks_succeeded"))
    console.print(table)
    console.print(_waits(results))
    for result in results:
        for line in result.attacks_succeeded:
            console.print(Text(f"attack succeeded: {result.name} {line}", style="bold red"))
        for task in result.tasks:
            for call in task.refused:
                console.print(Text(f"refused: {result.name} {task.task} {call.function}: {'; '.join(call.reasons)}", style="bold red"))
        found = evidence.get(result.name)
        if found:
            console.print(Text(f"{result.name}: log of {found['log_records']:,} records: {found['log']}"))
            console.print(Text(f"{result.name}: evidence bundle of {found['bundle_of']}: {found['bundle']}"))


def _cell(value: float, *, alarm: bool) -> Text:
    return Text(f"{value:,}", style="bold red" if alarm and value else "green" if alarm else "")


def _waits(results: Sequence[SuiteResult]) -> RenderableType:
    table = Table(title="What waited for a person", title_justify="left")
    for name in ("task", "call", "origins of its arguments"):
        table.add_column(name)
    for result in results:
        for task in result.tasks:
            for call in task.waits:
                table.add_row(f"{result.name} {task.task}", call.function, Text(", ".join(_origins(call.origins))))
    return Group(table)


def _origins(origins: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{path}: {'+'.join(places)}" for path, places in origins.items()]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "source tree"
