"""Commands that look into a log: audit show, search and watch."""

from __future__ import annotations

import json as jsons
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_core import (
    IntentError,
    LogQuery,
    ShownRecord,
    entity_ref,
    life_of,
    parse_datetime,
    search_log,
    show_record,
)

__all__ = ["as_json", "line", "moment", "searches"]

MAX_FOUND: Final = 100_000
PAUSE_SECONDS: Final = 0.5

Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="Only this kind (token.refused), or all that begin so (token.); repeatable.")
]
About = Annotated[str | None, typer.Option(help='Only records that name this entity: Agent::"bot".')]
Action = Annotated[str | None, typer.Option(help="Only decisions on this action.")]
Rule = Annotated[str | None, typer.Option(help="Only decisions by this rule.")]


def line(record: ShownRecord) -> str:
    """A record on one line, with nothing in it that a terminal would take for more than text."""
    when = datetime.fromtimestamp(record.time_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{record.seq:>8}  {when}  {record.kind:18}  {'(erased)' if record.erased else _gist(record.body)}".rstrip()


def as_json(record: ShownRecord) -> dict[str, Any]:
    """A record as plain data."""
    return {"seq": record.seq, "kind": record.kind, "time_us": record.time_us, "body": record.body, "erased": record.erased}


def searches(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("show")(_show)
    audit.command("search")(_search)
    audit.command("watch")(_watch)


def _show(seq: Annotated[int, typer.Argument(min=0)], json: JsonFlag = False) -> None:
    """Show one record whole, and what else happened to the same token or approval.

    Example: intended --tenant acme audit show 42
    """
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        row = next(tenant.records(start=seq, stop=seq + 1), None)
        if row is None:
            fail(Exit.INPUT, f"the log has no record {seq}; it ends at {tenant.head().size - 1}")
        shown, life = show_record(row), life_of(tenant, row)
    told = jsons.dumps(shown.body, indent=2, sort_keys=True, ensure_ascii=True)
    lines = [line(shown), *("  " + text for text in told.splitlines())]
    if len(life) > 1:
        lines += ["the life that it is a step of:", *(line(each) for each in life)]
    emit(json, {**as_json(shown), "life": [each.seq for each in life]}, "\n".join(lines))


def _search(
    kind: Kinds = None,
    about: About = None,
    action: Action = None,
    rule: Rule = None,
    text: Annotated[str | None, typer.Option(help="Only records with this text in them.")] = None,
    since: Annotated[str | None, typer.Option(help="A moment (2026-11-23T10:00:00Z), or so long ago: 90s, 30m, 12h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="As --since; itself excluded.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=MAX_FOUND, help="Stop after so many.")] = 100,
    json: JsonFlag = False,
) -> None:
    """Find records: every option that is given must hold.

    Example: intended --tenant acme audit search --kind decision.deny --about 'Agent::"bot"' --since 24h
    """
    query = _query(kind, about=about, action=action, rule=rule, text=text, since=since, until=until)
    where, found, more = place(), list[ShownRecord](), False
    with where.open() as authority:
        for record in search_log(where.handle(authority), query):
            more = len(found) == limit
            if more:
                break
            found.append(record)
    lines = [line(record) for record in found] or ["no record is like that"]
    if more:
        lines.append(f"there are more than {limit}: give --limit, or a narrower question")
    emit(json, {"records": [as_json(record) for record in found], "more": more}, "\n".join(lines))


def _watch(
    kind: Kinds = None,
    about: About = None,
    action: Action = None,
    rule: Rule = None,
    count: Annotated[int | None, typer.Option("-n", "--count", min=1, help="End after so many records.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0.0, help="End after so many seconds.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show records as they are written, until interrupted.

    Example: intended --tenant acme audit watch --kind decision.deny --kind replay.refused

    With --json: one document a line.
    """
    query = _query(kind, about=about, action=action, rule=rule)
    where, shown = place(), 0
    end = None if seconds is None else time.monotonic() + seconds
    try:
        with where.open() as authority:
            tenant = where.handle(authority)
            at = tenant.head().size
            while True:
                size = tenant.head().size
                for record in search_log(tenant, query, start=at, stop=size):
                    typer.echo(jsons.dumps(as_json(record), sort_keys=True) if json else line(record))
                    shown += 1
                    if shown == count:
                        return
                at = size
                if end is not None and time.monotonic() >= end:
                    return
                time.sleep(PAUSE_SECONDS if end is None else max(0.0, min(PAUSE_SECONDS, end - time.monotonic())))
    except KeyboardInterrupt:
        return


def _query(
    kind: list[str] | None, *, about: str | None, since: str | None = None, until: str | None = None, **parts: str | None
) -> LogQuery:
    return LogQuery(
        kinds=tuple(kind or ()), about=None if about is None else entity_ref(about), since_us=moment(since), until_us=moment(until),
        **parts,
    )  # fmt: skip


def moment(text: str | None) -> int | None:
    """Microseconds since 1970 of a moment, or of so long ago."""
    if text is None:
        return None
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit in units and number.isascii() and number.isdecimal() and len(number) < 7:
        return time.time_ns() // 1000 - int(timedelta(**{units[unit]: int(number)}).total_seconds() * 1_000_000)
    try:
        return int(parse_datetime(text)) * 1000
    except IntentError:
        fail(Exit.USAGE, f"{text} is no moment: write 2026-11-23T10:00:00Z, or 90s, 30m, 12h or 7d for so long ago")


def _gist(body: dict[str, Any]) -> str:
    parts = [str(body[name]) for name in ("outcome", "class", "code", "requirement", "state") if isinstance(body.get(name), str)]
    rules = body.get("rules")
    if isinstance(rules, list) and rules:
        parts.append("by " + ", ".join(str(rule) for rule in rules))
    if "$missing" in body:
        parts.append("(erased in part)")
    said = " ".join(parts)
    return "".join(char if 32 <= ord(char) < 127 else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in said)
