"""Commands that take bodies out of a log: audit erase, for somebody's right, and audit prune, at the end of a time of keeping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_adapters.cli.searching import moment
from intended_adapters.cli.signers import KeyFiles, People, Signatures, Until, signers, until_us
from intended_core import LogQuery, TenantAuthority, entity_ref, search_log

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
    seq: Annotated[list[int] | None, typer.Option(help="A record; repeatable.")] = None,
    about: Annotated[str | None, typer.Option(help='Every record that names this entity: User::"ann".')] = None,
    person: People = None,
    key: KeyFiles = None,
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
) -> None:  # fmt: skip
    pairs, given = signers(person, key, signature, optional=only_plan)
    planned = tenant.erasures.plan(why, seqs, reason=reason, basis=basis)
    expires_us = until_us(until)
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
    done = tenant.erasures.erase(planned, expires_us=expires_us, keys=pairs, signatures=given)
    emit(
        as_json, {**told, "seq": done.seq, "snapshots": done.snapshots},
        f"erased what {done.records} records said, and {done.snapshots} snapshots of entities\nrecord {done.seq}",
    )  # fmt: skip
