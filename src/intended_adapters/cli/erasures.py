"""Commands that take bodies out of a log: audit erase, for somebody's right, and audit prune, at the end of a time of keeping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_adapters.cli.searching import moment
from intended_adapters.cli.signers import KeyFiles, People, Signatures, Until, signers, until_us
from intended_core import LogQuery, TenantAuthority, entity_ref, parts_about, search_log

__all__ = ["erases"]

Reason = Annotated[str, typer.Option(help="Why, in a sentence that stays in the log: it must not name whom it is about.")]
Basis = Annotated[str, typer.Option(help="Under which rule, in a sentence that stays in the log.")]
Plan = Annotated[bool, typer.Option("--plan", "--digest", help="Only say what would go, and what the two persons sign.")]


def erases(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("erase")(_erase)
    audit.command("prune")(_prune)


def _erase(
    reason: Reason,
    basis: Basis,
    seq: Annotated[
        list[str] | None, typer.Option(help="A record (42), or one field of a decision (42:intent.args.payee); repeatable.")
    ] = None,
    about: Annotated[str | None, typer.Option(help='Every record that names this entity: User::"ann".')] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="With --about: of decisions only the fields that name it; the rest of them stays.")
    ] = False,
    person: People = None,
    key: KeyFiles = None,
    signature: Signatures = None,
    until: Until = None,
    plan: Plan = False,
    json: JsonFlag = False,
) -> None:
    """Take what records say out of the log, for somebody's right; that they exist stays, and every proof holds. Two persons agree.

    Example: intended --tenant acme audit erase --about 'User::"ann"' --reason 'asked on 3 March' --basis 'GDPR art. 17' --plan

    Example: intended --tenant acme audit erase --seq 42:intent.args.payee --reason 'asked on 3 March' --basis 'GDPR art. 17' --plan

    Records that others rest on (keys, policies, persons, halts) are left out; what a legal hold keeps is refused (exit code 8).
    Bundles and backups that left the house are not reached.
    """
    if (seq is None) == (about is None) or (fields and about is None):
        fail(Exit.USAGE, "give either --seq or --about, and --fields only with --about")
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        if seq is not None:
            chosen = [_part(text) for text in seq]
        elif fields:
            chosen = list(parts_about(tenant, entity_ref(about or "")))
        else:
            chosen = [(found.seq, None) for found in search_log(tenant, LogQuery(about=entity_ref(about or "")))]
        whole = iter([at for at, path in chosen if path is None])
        parts = [(at, path) for at, path in chosen if path is not None]
        _do(tenant, "redact", whole, reason, basis, person, key, signature, until, plan, json, parts)


def _part(text: str) -> tuple[int, str | None]:
    number, colon, path = text.partition(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 16) or (colon and not path):
        fail(Exit.USAGE, f"{text} is no record: write 42, or 42:intent.args.payee for one field of it")
    return int(number), path or None


def _prune(
    before: Annotated[str, typer.Option(help="A moment (2026-11-23T10:00:00Z), or so long ago: 400d.")],
    reason: Reason,
    basis: Basis,
    person: People = None,
    key: KeyFiles = None,
    signature: Signatures = None,
    until: Until = None,
    plan: Plan = False,
    json: JsonFlag = False,
) -> None:
    """Take what old records say out of the log at the end of a time of keeping; headers stay, and every proof holds. Two persons agree.

    Example: intended --tenant acme audit prune --before 3650d --reason 'yearly' --basis 'ten years' --person 'User::"ann"' --key ann.pem
    --person 'User::"bob"' --key bob.pem
    """
    where, end = place(), moment(before)
    with where.open() as authority:
        tenant = where.handle(authority)
        chosen = (found.seq for found in search_log(tenant, LogQuery(until_us=end)))
        _do(tenant, "prune", chosen, reason, basis, person, key, signature, until, plan, json)


def _do(
    tenant: TenantAuthority, why: Literal["redact", "prune"], seqs: Iterator[int], reason: str, basis: str,
    person: list[str] | None, key: list[Path] | None, signature: list[str] | None, until: str | None, only_plan: bool, as_json: bool,
    fields: Sequence[tuple[int, str]] = (),
) -> None:  # fmt: skip
    pairs, given = signers(person, key, signature, optional=only_plan)
    planned = tenant.erasures.plan(why, seqs, reason=reason, basis=basis, fields=fields)
    expires_us = until_us(until)
    told: dict[str, Any] = {
        "places": [list(place) for place in planned.places], "records": planned.count, "snapshots": len(planned.snapshots),
        "expires_us": expires_us, "held": planned.held, "fields": [[at, list(paths)] for at, paths in planned.parts],
    }  # fmt: skip
    if only_plan:
        digest = tenant.erasures.digest(planned, expires_us=expires_us).hex()
        count = sum(len(paths) for _, paths in planned.parts)
        lines = [f"{planned.count} records, {count} fields of others and {len(planned.snapshots)} snapshots of entities would go:"]
        lines += [f"  {start}" if stop == start + 1 else f"  {start} to {stop - 1}" for start, stop in planned.places[:20]]
        lines += ["  …"] if len(planned.places) > 20 else []
        lines += [f"  {at}: {', '.join(paths)}" for at, paths in planned.parts[:20]] + (["  …"] if len(planned.parts) > 20 else [])
        lines += [f"  {planned.held} more are under a legal hold, and stay"] if planned.held else []
        lines.append(f"two persons sign {digest}" + ("" if until else " (give --until to keep it from one run to the next)"))
        emit(as_json, {**told, "digest": digest}, "\n".join(lines))
        return
    done = tenant.erasures.erase(planned, expires_us=expires_us, keys=pairs, signatures=given)
    emit(
        as_json, {**told, "seq": done.seq, "snapshots": done.snapshots},
        f"erased what {done.records} records said, {done.fields} fields of others, and {done.snapshots} snapshots of entities\n"
        + (f"{planned.held} more are under a legal hold, and stay\n" if planned.held else "")
        + f"record {done.seq}",
    )  # fmt: skip
