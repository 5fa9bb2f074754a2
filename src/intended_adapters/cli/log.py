"""Commands for those who look afterwards: audit, evidence, doctor, demo."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.anchor import add_to_audit
from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_adapters.cli.demo import demo
from intended_adapters.cli.doctor import doctor
from intended_adapters.cli.erasures import erases
from intended_adapters.cli.holds import holds
from intended_adapters.cli.mending import anchor_tiles_beside, mends
from intended_adapters.cli.searching import as_json, line, searches
from intended_adapters.cli.stretches import asked, export_stretch, newest_proof, seen_lines, verify_stretch
from intended_adapters.cli.times import TimeFile, TsaCerts, asked_time
from intended_core import (
    BundleVerdict,
    Grade,
    exit_code,
    export_evidence,
    is_range,
    show_evidence,
    show_record,
    verify_evidence,
    verify_tenant_log,
)

__all__ = ["audit", "evidence", "log_commands", "verdict_json", "verdict_text"]

audit = typer.Typer()
add_to_audit(audit)
evidence = typer.Typer()
searches(audit)
erases(audit)
mends(audit)
holds(audit)

Pins = Annotated[list[str] | None, typer.Option("--pin", help="A log key you trust (name+hash+base64); repeatable.")]
Known = Annotated[list[Path] | None, typer.Option("--checkpoint", help="A checkpoint you kept; repeatable.")]
Policy = Annotated[
    Path | None, typer.Option("--policy", help="Your policy file: which anchor logs and witnesses you know.")
]
MinEpoch = Annotated[int | None, typer.Option(min=0, help="With --policy: at least this epoch of the anchor log must have been seen.")]
MaxAge = Annotated[int | None, typer.Option(min=0, help="With --policy: a witness must have seen it no longer ago than this (seconds).")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="How many processes look at the records; the verdict is the same.")]
Minimum = Annotated[str, typer.Option("--min-verdict", help="Exit 0 only at or above this verdict.")]


def _grade(text: str) -> Grade:
    try:
        return Grade(text.upper())
    except ValueError:
        fail(Exit.USAGE, f"{text} is not a verdict; they are {', '.join(grade.value for grade in Grade)}")


def _own(policy: Path | None) -> bytes | None:
    return None if policy is None else read_file(policy, limit=256 * 1024)


def _findings(verdict: Any) -> list[dict[str, Any]]:
    return [{"code": f.code, "grade": f.grade.value, "seq": f.seq, "text": f.text} for f in verdict.findings]


@audit.command("verify")
def audit_verify(
    pin: Pins = None,
    checkpoint: Known = None,
    proof: Annotated[list[Path] | None, typer.Option(help="A slot proof you kept; repeatable.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Your policy file, under which proofs are believed.")] = None,
    min_verdict: Minimum = "CONSISTENT_UNPINNED",
    jobs: Jobs = 1,
    json: JsonFlag = False,
) -> None:
    """Verify a tenant's whole log against its signed head and the checkpoints you kept, and the tiles of it and of the anchor log.

    Example: intended --tenant acme audit verify --pin "$(cat acme.vkey)" --checkpoint last-month.txt

    Exit code 0 at or above --min-verdict (default: the log agrees with itself and with what you kept), else by verdict:
    18 WITNESSED, 19 ANCHORED, 20 CONSISTENT_UNANCHORED, 21 CONSISTENT_UNPINNED,
    22 INCOMPLETE, 23 TRUNCATED, 24 FORKED, 25 TAMPERED, 26 MALFORMED.
    """
    minimum = _grade(min_verdict)
    where = place()
    kept = [read_file(path, limit=64 * 1024) for path in checkpoint or []]
    proofs = [read_file(path, limit=64 * 1024) for path in proof or []]
    trusted = None if policy is None else read_file(policy, limit=256 * 1024)
    with where.open() as authority:
        verdict = verify_tenant_log(
            where.handle(authority), checkpoints=kept, pinned=pin or [], proofs=proofs, policy=trusted, jobs=jobs
        )
        verdict = anchor_tiles_beside(verdict, authority)
    lines = [f"{verdict.grade.value}: {verdict.size} records read"]
    lines += [
        f"  {f['code']}{'' if f['seq'] is None else ' at record ' + str(f['seq'])}: {f['text']}"
        for f in _findings(verdict)
    ]
    if verdict.attested:
        who = ", ".join(verdict.organisations) or "fewer than your policy asks for"
        lines.append(f"  the first {verdict.attested} records were seen by {who}")
    if verdict.erased or verdict.erased_fields:
        lines.append(f"  erased: what {verdict.erased} records said, and {verdict.erased_fields} fields of others")
    if verdict.grade is Grade.CONSISTENT_UNPINNED:
        lines.append("  no key was pinned: give --pin to rule out that the whole log was written anew")
    emit(
        json,
        {"verdict": verdict.grade.value, "size": verdict.size, "root": verdict.root.hex(), "first_bad": verdict.seq,
         "unattested": verdict.unattested, "erased": verdict.erased, "erased_fields": verdict.erased_fields, "findings": _findings(verdict),
         "attested": verdict.attested, "organisations": list(verdict.organisations)},
        "\n".join(lines),
    )  # fmt: skip
    raise typer.Exit(exit_code(verdict.grade, minimum=minimum))


@audit.command("tail")
def audit_tail(
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=10_000)] = 20, json: JsonFlag = False
) -> None:
    """Show the newest records.

    Example: intended --tenant acme audit tail -n 5
    """
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        size = tenant.head().size
        found = [show_record(row) for row in tenant.records(start=max(0, size - count), stop=size)]
    emit(json, {"size": size, "records": [as_json(record) for record in found]}, "\n".join(line(record) for record in found))


@audit.command("checkpoint")
def audit_checkpoint(json: JsonFlag = False) -> None:
    """Print a signed checkpoint of the log, to be kept somewhere else.

    Example: intended --tenant acme audit checkpoint > last-month.txt
    """
    where = place()
    with where.open() as authority:
        note, key = where.handle(authority).checkpoint()
    text = note.decode("utf-8")
    if json:
        emit(json, {"checkpoint": text, "log_key": str(key)}, "")
    else:
        typer.echo(text, nl=False)


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


@evidence.command("export")
def evidence_export(
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the bundle.")],
    seq: Annotated[int | None, typer.Argument(help="The record of the decision.")] = None,
    stretch: Annotated[
        str | None, typer.Option("--range", help="Every record from FIRST up to STOP instead: FIRST:STOP, or FIRST: to the end.")
    ] = None,
    bodies: Annotated[bool, typer.Option(help="With --range: with what each record says.")] = True,
    fields: Annotated[bool, typer.Option(help="With --range: and with what decisions say of their requests.")] = True,
    since: Annotated[Path | None, typer.Option(help="An older checkpoint that the receiver has kept.")] = None,
    withhold: Annotated[
        list[str] | None, typer.Option(help="A field of the request that is left out (intent.args.payee, intent.args); repeatable.")
    ] = None,
    disclose: Annotated[list[str] | None, typer.Option(help="The only fields that are shown; repeatable.")] = None,
    json: JsonFlag = False,
) -> None:
    """Write the evidence bundle of the decision at record SEQ, or of a whole stretch of the log.

    The newest slot proof of the log comes along where an epoch is sealed that reaches so far.

    Example: intended --tenant acme evidence export 42 -o decision-42.evb

    Example: intended --tenant acme evidence export 42 --withhold intent.args.payee -o decision-42.evb

    Example: intended --tenant acme evidence export --range 1000:2000 --no-bodies -o march.evb
    """
    where = place()
    kept = None if since is None else read_file(since, limit=64 * 1024)
    if stretch is not None and (withhold or disclose):
        fail(Exit.USAGE, "--withhold and --disclose are for the evidence of a decision; a stretch takes --no-fields")
    if stretch is not None and seq is None:
        export_stretch(where, stretch, out=out, since=kept, bodies=bodies, fields=fields, as_json=json)
        return
    if stretch is not None or seq is None:
        fail(Exit.USAGE, "give either the record of a decision or --range FIRST:STOP")
    with where.open() as authority:
        tenant = where.handle(authority)
        proof = newest_proof(authority, tenant)
        data = export_evidence(
            tenant, seq, made_us=time.time_ns() // 1000, since=kept, proof=proof, withhold=withhold or (), disclose=disclose
        )
    try:
        out.write_bytes(data)
    except OSError as error:
        fail(Exit.INPUT, f"{out} cannot be written: {error.strerror}")
    emit(json, {"file": str(out), "bytes": len(data), "seq": seq}, f"wrote {out} ({len(data)} bytes)")


@evidence.command("verify")
def evidence_verify(
    file: Path,
    pin: Pins = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint you kept.")] = None,
    min_verdict: Minimum = "CONSISTENT_UNANCHORED",
    kind: Annotated[
        str | None, typer.Option("--list", help="Of a stretch: name the records of this kind, as token.refused.")
    ] = None,
    policy: Policy = None,
    min_epoch: MinEpoch = None,
    max_age: MaxAge = None,
    time_file: TimeFile = None,
    tsa_cert: TsaCerts = None,
    max_delay: Annotated[
        float | None, typer.Option(help="With --time: refuse a record that no clock outside saw so soon after its own time (seconds).")
    ] = None,
    jobs: Jobs = 1,
    json: JsonFlag = False,
) -> None:
    """Verify a bundle with no database and no network, and run its decision again.

    Example: intended evidence verify decision-42.evb --pin "$(cat acme.vkey)"

    Example: intended evidence verify decision-42.evb --pin "$(cat acme.vkey)" --policy auditor.policy

    Example: intended evidence verify decision-42.evb --pin "$(cat acme.vkey)" --policy auditor.policy --max-age 86400

    Example: intended evidence verify march.evb --pin "$(cat acme.vkey)" --list token.refused

    Example: intended evidence verify decision-42.evb --policy auditor.policy --time decision-42.time --tsa-cert tsa.pem

    Exit code 8 when a time file does not hold, 0 at or above --min-verdict (default: all holds under a key that you pinned), else by
    verdict:
    18 WITNESSED, 19 ANCHORED, 20 CONSISTENT_UNANCHORED, 21 CONSISTENT_UNPINNED,
    22 INCOMPLETE, 23 TRUNCATED, 24 FORKED, 25 TAMPERED, 26 MALFORMED.
    """
    minimum, fresh = _grade(min_verdict), asked(min_epoch, max_age, policy)
    kept = None if checkpoint is None else read_file(checkpoint, limit=64 * 1024)
    try:
        whole = is_range(file)
    except OSError as error:
        fail(Exit.INPUT, f"{file} cannot be read: {error.strerror}")
    timed = asked_time(time_file, policy=_own(policy), certificates=tsa_cert, max_delay=max_delay)
    if whole:
        verify_stretch(
            file, pinned=pin or [], known=kept, minimum=minimum, kind=kind, policy=_own(policy), jobs=jobs, as_json=json, fresh=fresh,
            timed=timed,
        )  # fmt: skip
    if kind is not None:
        fail(Exit.USAGE, "--list is for a bundle of a stretch of a log; this one is of a decision")
    verdict = verify_evidence(read_file(file, limit=256 * 1024 * 1024), pinned=pin or [], known=kept, policy=_own(policy), fresh=fresh)
    told, said = ({}, "") if timed is None else timed.look(file, verdict.grade)
    emit(json, verdict_json(verdict) | told, verdict_text(verdict) + said)
    raise typer.Exit(exit_code(verdict.grade, minimum=minimum))


@evidence.command("show")
def evidence_show(
    file: Path,
    html: Annotated[Path | None, typer.Option(help="Write one HTML page that loads nothing; printable.")] = None,
    pin: Pins = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint you kept.")] = None,
    min_verdict: Minimum = "CONSISTENT_UNANCHORED",
    policy: Policy = None,
    min_epoch: MinEpoch = None,
    max_age: MaxAge = None,
    json: JsonFlag = False,
) -> None:
    """Tell in plain words what a bundle says, and how far it can be believed.

    Example: intended evidence show decision-42.evb --pin "$(cat acme.vkey)" --html decision-42.html

    Exit codes as of `evidence verify`.
    """
    minimum, fresh = _grade(min_verdict), asked(min_epoch, max_age, policy)
    kept = None if checkpoint is None else read_file(checkpoint, limit=64 * 1024)
    story = show_evidence(read_file(file, limit=256 * 1024 * 1024), pinned=pin or [], known=kept, policy=_own(policy), fresh=fresh)
    if html is not None:
        try:
            html.write_text(story.html, encoding="utf-8")
        except OSError as error:
            fail(Exit.INPUT, f"{html} cannot be written: {error.strerror}")
    told = story.text if html is None else f"{story.verdict.grade.value}: wrote {html}"
    emit(json, {**verdict_json(story.verdict), "text": story.text, "html": None if html is None else str(html)}, told)
    raise typer.Exit(exit_code(story.verdict.grade, minimum=minimum))


def verdict_json(verdict: BundleVerdict) -> dict[str, Any]:
    """A bundle's verdict as plain data."""
    return {
        "verdict": verdict.grade.value, "first_bad": verdict.seq, "findings": _findings(verdict), "notes": list(verdict.notes),
        "not_covered": list(verdict.not_covered), "rerun": verdict.rerun.value, "recorded": verdict.recorded, "again": verdict.again,
        "decision": verdict.decision, "origin": verdict.origin, "tenant": verdict.tenant, "environment": verdict.environment,
        "outcome": verdict.outcome, "decided_us": verdict.decided_us, "as_of": verdict.as_of, "complete_to": verdict.complete_to,
        "log_key": verdict.log_key, "anchored": verdict.anchored, "epoch": verdict.epoch,
        "organisations": list(verdict.organisations), "seen_s": verdict.seen_s,
    }  # fmt: skip


def verdict_text(verdict: BundleVerdict) -> str:
    """A bundle's verdict for a person: never one green word."""
    lines = [f"{verdict.grade.value}"]
    if verdict.decision is not None:
        when = (
            ""
            if verdict.decided_us is None
            else f", recorded {_time(verdict.decided_us)} UTC by the issuer's own clock"
        )
        lines.append(
            f"  decision {verdict.decision} of {verdict.tenant} ({verdict.environment}): {verdict.outcome}{when}"
        )
    if verdict.complete_to is not None:
        lines.append(f"  no other step of this token's life exists up to record {verdict.complete_to - 1}")
    lines += seen_lines(verdict)
    lines.append(f"  run again: {verdict.rerun.value}" + (f" ({verdict.again})" if verdict.again else ""))
    lines += [
        f"  {f['code']}{'' if f['seq'] is None else ' at record ' + str(f['seq'])}: {f['text']}"
        for f in _findings(verdict)
    ]
    lines += [f"  note: {note}" for note in verdict.notes]
    if verdict.grade is Grade.CONSISTENT_UNPINNED:
        lines.append("  no key was pinned: give --pin with the log key that you have from the issuer")
    lines += [f"  not covered: {text}" for text in verdict.not_covered]
    return "\n".join(lines)


def log_commands(app: typer.Typer) -> None:
    """Add the commands of this room that stand at the root."""
    app.command()(doctor)
    app.command()(demo)
