"""fmt, lint, explain, diff: what an author does with policy files before anything is activated."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from intended_adapters.cli.cases import load_beside, load_data, load_table
from intended_adapters.cli.colours import coloured
from intended_adapters.cli.common import (
    Exit,
    JsonFlag,
    console,
    counted,
    emit,
    fail,
    policy_files,
    policy_paths,
    read_file,
)
from intended_adapters.cli.explanation import explanation_json, explanation_text
from intended_adapters.cli.language import Format
from intended_core import (
    FormattedFile,
    Replayed,
    diff_policies,
    entities_from_json,
    explain_intent,
    format_policies,
    github,
    intent_from_json,
    lint_policies,
    parse_datetime,
    replay_intents,
    sarif,
)

__all__ = ["authoring_commands", "diff", "explain", "fmt", "lint"]

_WAYS: Final = {"widens": "WIDENS", "narrows": "narrows", "both": "MAY WIDEN", "none": "-"}
Paths = Annotated[list[Path], typer.Argument(help="Policy files, or directories that hold them.", show_default=False)]


def fmt(
    paths: Paths,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 5 when a file is not formatted.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would change.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write policy files in the one style; every comment and the meaning stay.

    Example: intended fmt policies/payments

    `-` formats standard input to standard output. Exit code 5 with --check when a file is not formatted, or when one does not parse.
    """
    streamed = [str(path) for path in paths] == ["-"]
    where = policy_paths(paths)
    made = format_policies({name: read_file(path) for name, path in where.items()})
    changed = [one for one in made if one.changed]
    if streamed and not (check or diff or json):
        typer.echo(made[0].after, nl=False)
        return
    if not (check or diff or streamed):
        for one in changed:
            _replace(where[one.name], one)
    files = [{"file": one.name, "changed": one.changed, "text_digest": one.text_digest.hex()} for one in made]
    if json:
        emit(True, {"files": files, "changed": len(changed)}, "")
    elif diff:
        typer.echo("".join(one.diff() for one in changed), nl=False)
    else:
        word = "would change" if check else "changed"
        lines = [f"{one.name}: {'not formatted' if check else 'formatted'}" for one in changed]
        emit(False, {}, "\n".join([*lines, f"{counted(len(made), 'file')}, {len(changed)} {word}"]))
    if check and changed:
        raise typer.Exit(int(Exit.POLICY))


def _replace(target: Path, one: FormattedFile) -> None:
    """The file's new text, whole or not at all."""
    scratch = target.with_name(f".{target.name}.fmt")
    try:
        scratch.write_text(one.after, encoding="utf-8", newline="")
        scratch.chmod(target.stat().st_mode & 0o777)
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        fail(Exit.INPUT, f"{target} cannot be written: {error.strerror or type(error).__name__}")


def lint(
    paths: Paths,
    ignore: Annotated[list[str] | None, typer.Option(help="A code not to report; repeatable.")] = None,
    shape: Annotated[Format, typer.Option("--format", help="text, json, sarif (2.1.0) or github.")] = Format.TEXT,
    json: JsonFlag = False,
) -> None:
    """Say what a policy set hardly means: dead and shadowed rules, hosts compared as text, what is never used.

    Example: intended lint policies/payments --ignore lint.unused

    Exit code 5 when something is found or the set does not check.
    """
    report = lint_policies(policy_files(paths))
    found = [item for item in report.diagnostics if item.code not in (ignore or [])]
    kept = report.text if not ignore else "\n\n".join(
        part for part in report.text.split("\n\n") if not any(f"[{code}]:" in part for code in ignore)
    )  # fmt: skip
    shape = Format.JSON if json else shape
    if shape is Format.SARIF:
        emit(True, sarif(found, version=version("intended")), "")
    elif shape is Format.GITHUB:
        typer.echo(github(found), nl=False)
    elif shape is Format.JSON:
        emit(True, {"ok": not found, "diagnostics": [item.to_json() for item in found]}, "")
    else:
        if kept:
            console.print(coloured(kept))
        emit(False, {}, f"{len(found)} found")
    if found:
        raise typer.Exit(int(Exit.POLICY))


def explain(
    intent: Annotated[Path, typer.Argument(help="The intent as JSON or YAML; - for standard input.")],
    policy: Annotated[list[Path], typer.Option(help="Policy files or directories.")],
    entities: Annotated[Path | None, typer.Option(help="Entities as JSON or YAML.")] = None,
    now: Annotated[str, typer.Option(help="The moment to decide at, as 2026-11-23T10:00:00Z; default: now.")] = "",
    data: Annotated[Path | None, typer.Option(help="Params and tables as YAML or JSON.")] = None,
    json: JsonFlag = False,
) -> None:
    """Why an intent is decided as it is, clause by clause, and the smallest change that would flip it.

    Example: intended explain intent.json --policy policies/payments --entities entities.json

    Exit code 0, whatever the outcome; 6 when the intent or an entity cannot be read.
    """
    given = intent_from_json(load_data(intent), grants_verified=True)
    known = [] if entities is None else entities_from_json(load_data(entities))
    now_us = parse_datetime(now) * 1000 if now else time.time_ns() // 1000
    params, tables = load_beside(data)
    found = explain_intent(policy_files(policy), given, known, now_us=now_us, params=params, tables=tables)
    if json:
        emit(True, explanation_json(found), "")
    else:
        emit(False, {}, explanation_text(found))


def diff(
    old: Annotated[Path, typer.Argument(help="The policy files as they are.")],
    new: Annotated[Path, typer.Argument(help="The policy files as they will be.")],
    replay: Annotated[
        Path | None, typer.Option(help="Recorded intents (a table as for `test`): which are decided differently.")
    ] = None,
    narrowing_only: Annotated[
        bool, typer.Option("--narrowing-only", help="Exit 5 when a change widens or may widen.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """What changes between two policy sets: per rule and declaration whether it widens, narrows or can do both.

    Example: intended diff policies/payments new/payments --replay yesterday.json --narrowing-only

    Read off the text, not proved: what cannot be told may widen. Exit code 5 with --narrowing-only when something may
    widen or an intent flips to allow.
    """
    before, after = policy_files([old]), policy_files([new])
    found = diff_policies(before, after)
    replayed: tuple[Replayed, ...] = ()
    if replay is not None:
        replayed = replay_intents(before, after, load_table(replay, expecting=False))
    flips = [one for one in replayed if one.flips]
    data = {
        "same_meaning": found.same_meaning,
        "changes": [
            {"kind": one.kind, "name": one.name, "direction": one.direction, "what": one.what, "place": one.place}
            for one in found.changes
        ],
        "replayed": len(replayed),
        "flips": [
            {
                "name": one.name, "before": one.before, "after": one.after,
                "before_rules": list(one.before_rules), "after_rules": list(one.after_rules),
            }
            for one in flips
        ],
    }  # fmt: skip
    lines = [f"{_WAYS[one.direction]:<12}{one.kind} {one.name}: {one.what}" for one in found.changes]
    if not found.changes:
        lines.append("no change" if found.same_meaning else "the meaning changed, and no rule or declaration did")
    lines += [f"flips       {one.name}: {one.before} → {one.after}" for one in flips]
    if replay is not None:
        lines.append(f"{len(replayed)} replayed, {len(flips)} decided differently")
    emit(json, data, "\n".join(lines))
    if narrowing_only and (found.may_widen or any(one.after == "allow" for one in flips)):
        raise typer.Exit(int(Exit.POLICY))


def authoring_commands(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command()(fmt)
    app.command()(lint)
    app.command()(explain)
    app.command()(diff)
