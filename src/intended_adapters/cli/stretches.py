"""Evidence of a whole stretch of a log, for `evidence export --range` and `evidence verify`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Final

import typer

from intended_adapters.cli.common import Exit, Place, emit, fail
from intended_adapters.cli.times import Asked
from intended_core import (
    AuditError,
    Authority,
    BundleVerdict,
    Freshness,
    Grade,
    RangeVerdict,
    TenantAuthority,
    exit_code,
    export_range,
    export_slot_proof,
    verify_evidence_range,
)

__all__ = ["asked", "export_stretch", "newest_proof", "seen_lines", "stretch", "verify_stretch"]

_STRETCH: Final = re.compile("([0-9]{1,15}):([0-9]{1,15})?")
SHOWN_PLACES: Final = 20


def stretch(text: str) -> tuple[int, int | None]:
    """`100:200` or `100:` as (first, stop)."""
    found = _STRETCH.fullmatch(text)
    if found is None:
        fail(Exit.USAGE, f"{text} is not a stretch of a log: write FIRST:STOP, as in 100:200, or 100: for all from record 100 on")
    return int(found[1]), None if found[2] is None else int(found[2])


def asked(min_epoch: int | None, max_age: int | None, policy: Path | None) -> Freshness | None:
    """How new it must be, counted back from now; None where nothing is asked."""
    if min_epoch is None and max_age is None:
        return None
    if policy is None:
        fail(Exit.USAGE, "who has seen it, and when, is believed only under your policy file: give --policy as well")
    return Freshness(min_epoch=min_epoch, max_age_s=max_age, now_s=int(time.time()))


def newest_proof(authority: Authority, tenant: TenantAuthority) -> bytes | None:
    """The newest slot proof of the tenant's log, None where no epoch is sealed yet."""
    try:
        return export_slot_proof(authority, tenant)
    except AuditError:
        return None


def seen_lines(verdict: BundleVerdict | RangeVerdict) -> list[str]:
    """What somebody outside has seen, as a line, or none."""
    if verdict.anchored is None:
        return []
    who = ", ".join(verdict.organisations) or "a witness"
    return [f"  the first {verdict.anchored} records were seen by {who}, in epoch {verdict.epoch}"]


def export_stretch(where: Place, text: str, *, out: Path, since: bytes | None, bodies: bool, fields: bool, as_json: bool) -> None:
    """Write the file and say so."""
    first, stop = stretch(text)
    with where.open() as authority:
        tenant = where.handle(authority)
        try:
            proof = newest_proof(authority, tenant)
            size = export_range(
                tenant, first, stop, out=out, made_us=time.time_ns() // 1000, bodies=bodies, fields=fields, since=since, proof=proof
            )
        except OSError as error:
            fail(Exit.INPUT, f"{out} cannot be written: {error.strerror}")
    emit(as_json, {"file": str(out), "bytes": size, "first": first, "stop": stop}, f"wrote {out} ({size} bytes)")


def verify_stretch(
    file: Path, *, pinned: list[str], known: bytes | None, minimum: Grade, kind: str | None, policy: bytes | None, jobs: int, as_json: bool,
    fresh: Freshness | None = None,
    timed: Asked | None = None,
) -> None:  # fmt: skip
    """Verify the file, say what was found, and exit as the verdict says."""
    try:
        verdict = verify_evidence_range(file, pinned=pinned, known=known, kind=kind, policy=policy, fresh=fresh, jobs=jobs)
    except AuditError as error:
        fail(Exit.USAGE, str(error))
    told, said = ({}, "") if timed is None else timed.look(file, verdict.grade)
    emit(as_json, _as_json(verdict) | told, _as_text(verdict, kind) + said)
    raise typer.Exit(exit_code(verdict.grade, minimum=minimum))


def _as_json(verdict: RangeVerdict) -> dict[str, Any]:
    found = [{"code": f.code, "grade": f.grade.value, "seq": f.seq, "text": f.text} for f in verdict.findings]
    return {
        "verdict": verdict.grade.value, "first_bad": verdict.seq, "findings": found, "not_covered": list(verdict.not_covered),
        "first": verdict.first, "stop": verdict.stop, "as_of": verdict.as_of, "origin": verdict.origin, "tenant": verdict.tenant,
        "environment": verdict.environment, "kinds": verdict.kinds, "bodies": verdict.bodies, "withheld": verdict.withheld,
        "selected": list(verdict.selected), "log_key": verdict.log_key, "anchored": verdict.anchored, "epoch": verdict.epoch,
        "organisations": list(verdict.organisations), "seen_s": verdict.seen_s,
    }  # fmt: skip


def _as_text(verdict: RangeVerdict, kind: str | None) -> str:
    lines = [verdict.grade.value]
    if verdict.kinds is not None and verdict.stop is not None:
        lines.append(
            f"  records {verdict.first} to {verdict.stop - 1} of {verdict.tenant} ({verdict.environment}), every one of them,"
            f" in a log of {verdict.as_of}"
        )
        lines += [f"  {count:>8}  {name}" for name, count in verdict.kinds.items()]
        lines.append(f"  {verdict.bodies} bodies were read, {verdict.withheld} are withheld")
        if kind is not None:
            places = ", ".join(str(seq) for seq in verdict.selected[:SHOWN_PLACES])
            more = verdict.kinds.get(kind, 0) - len(verdict.selected[:SHOWN_PLACES])
            lines.append(f"  {kind}: {places or 'none'}" + (f" and {more} more (--json names them)" if more > 0 else ""))
    lines += seen_lines(verdict)
    lines += [
        f"  {f.code}{'' if f.seq is None else ' at record ' + str(f.seq)}: {f.text}" for f in verdict.findings
    ]
    if verdict.grade is Grade.CONSISTENT_UNPINNED:
        lines.append("  no key was pinned: give --pin with the log key that you have from the issuer")
    return "\n".join([*lines, *(f"  not covered: {text}" for text in verdict.not_covered)])
