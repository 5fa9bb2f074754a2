"""Commands for legal holds: audit hold place, lift, list. What is held is neither erased nor pruned."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_adapters.cli.signers import DigestFlag, KeyFiles, People, Signatures, Until, asked_until, end_of, signers
from intended_adapters.cli.stretches import stretch

__all__ = ["hold_lift", "hold_list", "hold_place", "holds"]

hold = typer.Typer()

Reason = Annotated[str, typer.Option(help="Why, in a sentence that stays in the log.")]
Basis = Annotated[str, typer.Option(help="Under which rule or order, in a sentence that stays in the log.")]


@hold.command("place")
def hold_place(
    reason: Reason,
    basis: Basis,
    span: Annotated[
        str | None, typer.Option("--range", help="FIRST:STOP, or FIRST: to the end and on. Default: the whole log, and on.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only records of this kind (decision.allow); repeatable.")] = None,
    life: Annotated[
        list[int] | None, typer.Option(help="Only the life of the token or request that this record is in; repeatable.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Of the log, as --digest printed it, where persons sign elsewhere.")] = None,
    person: People = None,
    key: KeyFiles = None,
    signature: Signatures = None,
    until: Until = None,
    digest: DigestFlag = False,
    json: JsonFlag = False,
) -> None:
    """Keep what records say: from now on neither erase nor prune takes it out. Two persons agree.

    Example: intended --tenant acme audit hold place --life 42 --reason 'case 4 C 12/26' --basis 'order of 3 March'
    --person 'User::"ann"' --key ann.pem --person 'User::"bob"' --key bob.pem

    Without a STOP the hold goes on over records to come, of these kinds and lives.
    """
    pairs, given = signers(person, key, signature, optional=digest)
    first, stop = (0, None) if span is None else stretch(span)
    where, (expires_us, end) = place(), end_of(until)
    with where.open() as authority:
        tenant = where.handle(authority)
        planned = tenant.holds.plan(
            reason=reason, basis=basis, first=first, stop=stop, kinds=kind or (), lives=life or (), size=size
        )
        told: dict[str, Any] = {
            "places": [list(one) for one in planned.kept.places], "records": planned.records, "goes_on": planned.kept.later is not None,
            "expires_us": expires_us, "size": planned.kept.size,
        }  # fmt: skip
        said = f"{planned.records} records" + (", and what comes" if told["goes_on"] else "")
        if digest:
            asked = tenant.holds.digest(planned, expires_us=expires_us).hex()
            text = f"{said} would be held; with --size {planned.kept.size} two persons sign\n{asked_until(asked, until, end)}"
            emit(json, {**told, "digest": asked, "until": end}, text)
            return
        done = tenant.holds.place(planned, expires_us=expires_us, keys=pairs, signatures=given)
    emit(json, {**told, "hold": done.seq}, f"held: {said}\nhold {done.seq}")


@hold.command("lift")
def hold_lift(
    number: Annotated[int, typer.Argument(help="The hold: the record that placed it.")],
    reason: Reason,
    basis: Basis,
    person: People = None,
    key: KeyFiles = None,
    signature: Signatures = None,
    until: Until = None,
    digest: DigestFlag = False,
    json: JsonFlag = False,
) -> None:
    """Let go what a hold keeps. Two persons agree.

    Example: intended --tenant acme audit hold lift 57 --reason 'the case is closed' --basis 'order of 9 May'
    --person 'User::"ann"' --key ann.pem --person 'User::"bob"' --key bob.pem
    """
    pairs, given = signers(person, key, signature, optional=digest)
    where, (expires_us, end) = place(), end_of(until)
    with where.open() as authority:
        tenant = where.handle(authority)
        if digest:
            asked = tenant.holds.lift_digest(number, reason=reason, basis=basis, expires_us=expires_us).hex()
            told = {"hold": number, "expires_us": expires_us, "digest": asked, "until": end}
            emit(json, told, f"two persons sign\n{asked_until(asked, until, end)}")
            return
        if number not in {one.seq for one in tenant.holds.list()}:
            fail(Exit.INPUT, f"no hold {number} stands: `intended audit hold list` names those that do")
        tenant.holds.lift(number, reason=reason, basis=basis, expires_us=expires_us, keys=pairs, signatures=given)
    emit(json, {"hold": number, "lifted": True}, f"lifted: hold {number}")


@hold.command("list")
def hold_list(json: JsonFlag = False) -> None:
    """Name the holds that stand.

    Example: intended --tenant acme audit hold list
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).holds.list()
    told: list[dict[str, Any]] = [
        {
            "hold": one.seq, "reason": one.reason, "basis": one.basis, "by": [str(ref) for ref in one.by], "at_us": one.at_us,
            **one.kept.to_json(),
        }
        for one in found
    ]  # fmt: skip
    lines = [
        f"{one.seq}: {sum(stop - start for start, stop in one.kept.places)} records"
        f"{'' if one.kept.later is None else ', and what comes'} ({one.reason}; {one.basis}; {', '.join(map(str, one.by))})"
        for one in found
    ]
    emit(json, {"holds": told}, "\n".join(lines) or "no hold stands")


def holds(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.add_typer(hold, name="hold", help="Keep records from erasure: legal holds.", no_args_is_help=True)
