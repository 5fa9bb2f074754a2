"""check, test and decide: everything about policies that needs no store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from intended_adapters.cli.cases import CASE_FILES, load_beside, load_data, load_table
from intended_adapters.cli.colours import coloured
from intended_adapters.cli.common import Exit, JsonFlag, console, counted, emit, fail, policy_files
from intended_adapters.cli.junit import junit
from intended_core import (
    Allow,
    CheckReport,
    Coverage,
    Escalate,
    check_policies,
    cost_report,
    data_directions,
    decide_offline,
    entities_from_json,
    github,
    intent_from_json,
    outcome_json,
    parse_datetime,
    rehearse,
    sarif,
)

__all__ = ["Format", "check", "coverage_lines", "decide", "language_commands", "show_outcome", "test"]

_WAYS: Final = {
    "widens": "more can let more through",
    "narrows": "more can only let less through",
    "both": "a change can widen or narrow",
    "unused": "no rule reads it",
}
Paths = Annotated[list[Path], typer.Argument(help="Policy files, or directories that hold them.", show_default=False)]


class Format(StrEnum):
    """How `check` says what it found."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def check(
    paths: Paths,
    json: JsonFlag = False,
    shape: Annotated[Format, typer.Option("--format", help="text, json, sarif (2.1.0) or github.")] = Format.TEXT,
    cost: Annotated[bool, typer.Option(help="Print the worst-case steps of each action and its heaviest rules.")] = False,
) -> None:
    """Check a policy set: every mistake with its place and cure.

    Example: intended check policies/payments --format sarif > policies.sarif

    Exit code 5 when there is an error; warnings alone are 0.
    """
    report = check_policies(policy_files(paths))
    shape = Format.JSON if json else shape
    if shape is Format.SARIF:
        emit(True, sarif(report.diagnostics, version=version("intended")), "")
    elif shape is Format.GITHUB:
        typer.echo(github(report.diagnostics), nl=False)
    else:
        _show_check(report, shape is Format.JSON, cost)
    if report.checked is None:
        raise typer.Exit(int(Exit.POLICY))


def _show_check(report: CheckReport, json: bool, cost: bool) -> None:
    checked = report.checked
    errors = sum(found.severity == "error" for found in report.diagnostics)
    ways = {} if checked is None else data_directions(checked)
    data = {
        "ok": checked is not None,
        "diagnostics": [found.to_json() for found in report.diagnostics],
        "rules": 0 if checked is None else len(checked.rules),
        "cost": {} if checked is None else dict(checked.cost),
        "data": ways,
    }
    if report.text and not json:
        console.print(coloured(report.text))
    if checked is None:
        lines = [f"{counted(errors, 'error')}; nothing was activated"]
    else:
        lines = [
            f"{counted(len(checked.rules), 'rule')}, {counted(len(checked.tests), 'test')}, "
            f"{counted(len(checked.schema.actions), 'action')}: no errors"
        ]
        tables = checked.schema.tables
        lines += [f"  {'table' if name in tables else 'param'} {name}: {_WAYS[way]}" for name, way in ways.items()]
        for one in cost_report(checked) if cost else ():
            heavy = ", ".join(f"{rule} {steps}" for rule, steps in one.rules[:3])
            lines.append(f"  {one.steps:>6} of {one.limit} steps  {one.action}" + (f"  ({heavy})" if heavy else ""))
    emit(json, data, "\n".join(lines))


def test(
    paths: Paths,
    only: Annotated[str, typer.Option("-k", "--only", help="Run the tests whose name holds this text.")] = "",
    cases: Annotated[
        list[Path] | None, typer.Option(help="A table of intents; default: each intents.yaml in PATHS.")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show which answers of which clause no test has seen.")
    ] = False,
    least: Annotated[
        float, typer.Option("--min-coverage", min=0, max=100, help="Exit 5 below this percentage; shows the coverage.")
    ] = 0.0,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write the results as JUnit XML to this file.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Run the tests that a policy set carries, and the tables of intents beside it.

    Example: intended test policies/payments --coverage --junit results.xml

    Exit code 5 when a test fails, the set does not check, or the coverage is too low.
    """
    tables = cases if cases is not None else [path for given in paths if given.is_dir() for path in _tables(given)]
    found = rehearse(policy_files(paths), [load_table(path) for path in tables], only=only)
    report, seen = found.report, found.coverage
    if only and not report.cases:
        fail(Exit.INPUT, f"no test has a name that holds {only!r}")
    if junit_file is not None:
        junit_file.write_text(junit(report, name="intended"), encoding="utf-8")
    data = {
        "passed": len(report.cases) - len(report.failed),
        "failed": len(report.failed),
        "cases": [
            {"name": c.name, "passed": c.passed, "expected": c.expected, "got": c.got, "reasons": list(c.reasons), "place": c.place}
            for c in report.cases
        ],
        "coverage": {
            "percent": seen.percent,
            "clauses": [
                {"rule": c.rule, "kind": c.kind, "place": str(c.span), "true": c.true, "false": c.false, "error": c.error}
                for c in seen.clauses
            ],
        },
    }  # fmt: skip
    lines = []
    for case in report.cases:
        lines.append(f"{'ok  ' if case.passed else 'FAIL'}  {case.name}")
        if not case.passed:
            lines.append(f"      {case.place}: expected {case.expected}, got {case.got}")
            lines += [f"      {reason}" for reason in case.reasons]
    lines.append(f"{len(report.cases) - len(report.failed)} passed, {len(report.failed)} failed")
    if coverage or least:
        lines += coverage_lines(seen)
    if seen.percent < least:
        lines.append(f"at least {least:g} % were asked for")
    emit(json, data, "\n".join(lines))
    if report.failed or seen.percent < least:
        raise typer.Exit(int(Exit.POLICY))


def _tables(folder: Path) -> list[Path]:
    return sorted(path for name in CASE_FILES for path in folder.rglob(name))


def coverage_lines(seen: Coverage) -> list[str]:
    """The answers that no test has seen, by rule, and the share of those seen."""
    lines = [f"  {c.rule}: {c.kind} at {c.span} was never {' nor '.join(c.missing)}" for c in seen.clauses if c.missing]
    lines += [f"  {c.rule}: {c.kind} at {c.span} failed {c.error} times" for c in seen.clauses if c.error]
    return [*lines, f"{seen.percent:.1f} % of the answers of {len(seen.clauses)} clauses were seen"]


def decide(
    intent: Annotated[Path, typer.Argument(help="The intent as JSON or YAML; - for standard input.")],
    policy: Annotated[list[Path], typer.Option(help="Policy files or directories.")],
    entities: Annotated[Path | None, typer.Option(help="Entities as JSON or YAML.")] = None,
    now: Annotated[str, typer.Option(help="The moment to decide at, as 2026-11-23T10:00:00Z; default: now.")] = "",
    data: Annotated[Path | None, typer.Option(help="Params and tables as YAML or JSON.")] = None,
    json: JsonFlag = False,
) -> None:
    """What a policy set says about an intent: grants nothing, records nothing.

    Example: intended decide intent.json --policy policies/payments --entities entities.json

    Exit code 0 allow, 3 deny, 4 escalate.
    """
    given = intent_from_json(load_data(intent), grants_verified=True)
    known = [] if entities is None else entities_from_json(load_data(entities))
    now_us = parse_datetime(now) * 1000 if now else time.time_ns() // 1000
    params, tables = load_beside(data)
    outcome = decide_offline(policy_files(policy), given, known, now_us=now_us, params=params, tables=tables)
    show_outcome(json, outcome_json(outcome))
    code = Exit.OK if isinstance(outcome, Allow) else Exit.ESCALATE if isinstance(outcome, Escalate) else Exit.DENY
    raise typer.Exit(int(code))


def show_outcome(json: bool, data: Mapping[str, object]) -> None:
    """An outcome for a person: what, by which rules, why, and who may lift it."""
    kind = str(data["outcome"])
    head = kind.upper() + (f" ({data['class']})" if data.get("class") else "")
    rules = data.get("rules")
    lines = [head + (f" by {', '.join(str(rule) for rule in rules)}" if isinstance(rules, list) and rules else "")]
    reasons = data.get("reasons")
    if isinstance(reasons, list):
        for reason in reasons:
            where = f"  [{reason['place']}]" if reason["place"] else ""
            lines.append(
                f"  {reason['rule'] + ': ' if reason['rule'] else ''}{reason['text'] or '(no because)'}{where}"
            )
    alternatives = data.get("alternatives")
    if isinstance(alternatives, list):
        for at, alternative in enumerate(alternatives):
            needs = " and ".join(f"{need['quorum']} of {need['group']}" for need in alternative)
            lines.append(f"  {'or ' if at else ''}approval: {needs}")
    obligations = data.get("obligations")
    if isinstance(obligations, list):
        for one in obligations:
            values = ", ".join(f"{name}: {_bare(value)}" for name, value in one["values"].items())
            lines.append(f"  {one['phase']} the act: {one['name']}({values})")
    emit(json, dict(data), "\n".join(lines))


def _bare(value: object) -> object:
    """A value in wire form without its tag: people read `full`, programs `s:full`."""
    return value.partition(":")[2] if isinstance(value, str) else value


def language_commands(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command()(check)
    app.command()(test)
    app.command()(decide)
