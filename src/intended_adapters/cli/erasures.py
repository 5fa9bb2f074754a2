"""Commands that take bodies out of a log: audit erase, for somebody's right, and audit prune, at the end of a time of keeping."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_adapters.cli.searching import moment
from intended_core import LocalPersonKey, LogQuery, TenantAuthority, entity_ref, search_log

__all__ = ["erases"]

HOUR_US: Final = 3_600_000_000
MAX_KEY_BYTES: Final = 64 * 1024
Reason = Annotated[str, typer.Option(help="Why, in a sentence that stays in the log: it must not name whom it is about.")]
Basis = Annotated[str, typer.Option(help="Under which rule, in a sentence that stays in the log.")]
People = Annotated[list[str] | None, typer.Option("--person", help='Who agrees, as in policies: User::"ann". Give two.')]
Keys = Annotated[list[Path] | None, typer.Option("--key", help="The private key (PEM) of the person in the same place.")]
Signatures = Annotated[
    list[str] | None, typer.Option("--signature", help="A signature (hexadecimal) of the persons that follow those with a key.")
]
Until = Annotated[str | None, typer.Option(help="Until when the signatures count; at most a day from now. Default: an hour.")]
Plan = Annotated[bool, typer.Option("--plan", help="Only say what would go, and what the two persons sign.")]


def erases(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("erase")(_erase)
    audit.command("prune")(_prune)


def _erase(
    reason: Reason,
    basis: Basis,
    seq: Annotated[list[int] | None, typer.Option(help="A record; repeatable.")] = None,
    about: Annotated[str | None, typer.Option(help='Every record that names this entity: User::"ann".')] = None,
    person: People = None,
    key: Keys = None,
    signature: Signatures = None,
    until: Until = None,
    plan: Plan = False,
    json: JsonFlag = False,
) -> None:
    """Take what records say out of the log, for somebody's right; that they exist stays, and every proof holds. Two persons agree.

    Example: intended --tenant acme audit erase --about 'User::"ann"' --reason 'asked on 3 March' --basis 'GDPR art. 17' --plan

    Records that others rest on (keys, policies, persons, halts) are left out. Bundles and backups that left the house are not reached.
    """
    if (seq is None) == (about is None):
        fail(Exit.USAGE, "give either --seq or --about")
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        chosen = seq if seq is not None else (found.seq for found in search_log(tenant, LogQuery(about=entity_ref(about or ""))))
        _do(tenant, "redact", iter(chosen), reason, basis, person, key, signature, until, plan, json)


def _prune(
    before: Annotated[str, typer.Option(help="A moment (2026-11-23T10:00:00Z), or so long ago: 400d.")],
    reason: Reason,
    basis: Basis,
    person: People = None,
    key: Keys = None,
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
) -> None:  # fmt: skip
    planned = tenant.erasures.plan(why, seqs, reason=reason, basis=basis)
    expires_us = time.time_ns() // 1000 + HOUR_US if until is None else moment(until) or 0
    told: dict[str, Any] = {
        "places": [list(place) for place in planned.places], "records": planned.count, "snapshots": len(planned.snapshots),
        "expires_us": expires_us,
    }  # fmt: skip
    if only_plan:
        digest = tenant.erasures.digest(planned, expires_us=expires_us).hex()
        lines = [f"{planned.count} records and {len(planned.snapshots)} snapshots of entities would go:"]
        lines += [f"  {start}" if stop == start + 1 else f"  {start} to {stop - 1}" for start, stop in planned.places[:20]]
        lines += ["  …"] if len(planned.places) > 20 else []
        lines.append(f"two persons sign {digest}" + ("" if until else " (give --until to keep it from one run to the next)"))
        emit(as_json, {**told, "digest": digest}, "\n".join(lines))
        return
    people, files, signed = [entity_ref(one) for one in person or ()], key or [], signature or []
    if len(people) != len(files) + len(signed):
        fail(Exit.USAGE, "each --person has a --key or, after those, a --signature")
    pairs = [(ref, LocalPersonKey.from_pem(read_file(file, limit=MAX_KEY_BYTES))) for ref, file in zip(people, files, strict=False)]
    try:
        given = [(ref, bytes.fromhex(text)) for ref, text in zip(people[len(files) :], signed, strict=True)]
    except ValueError:
        fail(Exit.USAGE, "a signature is 128 hexadecimal characters")
    done = tenant.erasures.erase(planned, expires_us=expires_us, keys=pairs, signatures=given)
    emit(
        as_json, {**told, "seq": done.seq, "snapshots": done.snapshots},
        f"erased what {done.records} records said, and {done.snapshots} snapshots of entities\nrecord {done.seq}",
    )  # fmt: skip
