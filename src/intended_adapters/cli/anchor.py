"""Commands around the anchor log: seal epochs, prove and publish, and be a witness for somebody else's log."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, counted, emit, fail, place, read_file
from intended_adapters.cli.slotwitness import follows
from intended_adapters.cli.times import Stamper, Tsa, TsaCert, stamped_lines, stamper, times
from intended_core import (
    AdapterError,
    AttestedRecord,
    AuditError,
    Authority,
    CosigningWitness,
    Grade,
    UnitRefusedError,
    check_equivocation,
    check_proof,
    check_slots,
    exit_code,
    export_anchor,
    export_record_proof,
    export_slot_proof,
    load_registry,
    parse_cosigner,
    show_equivocation,
    tlog_proof_of,
    witness_key,
)

__all__ = ["add_to_audit", "audit_check", "audit_epoch", "audit_proof", "audit_second_key", "audit_serve", "audit_tiles", "witness"]

witness = typer.Typer()
follows(witness)
equivocation = typer.Typer()

Policy = Annotated[Path, typer.Option("--policy", help="Your policy file: logs, witnesses, quorum (C2SP tlog-policy).")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Where to write it.")]
SMALL = 256 * 1024


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        fail(Exit.INPUT, f"{path} cannot be written: {error.strerror}")


def audit_epoch(
    every: Annotated[float, typer.Option(help="Go on, closing an epoch so often while logs grow (seconds).")] = 0.0,
    idle: Annotated[float, typer.Option(help="With --every: close one so often also when nothing grew (seconds).")] = 60.0,
    ask: Annotated[list[str] | None, typer.Option("--witness", help="URL of a witness to be asked; repeatable.")] = None,
    keys: Annotated[
        list[str] | None, typer.Option("--witness-key", help="The verifier key of each witness, in the same order.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--tiles", help="Also write the anchor log as tiles into this folder.")] = None,
    tsa: Tsa = None,
    tsa_cert: TsaCert = None,
    stamp_every: Annotated[float, typer.Option(help="With --every and --tsa: have it stamped so often (seconds).")] = 3600.0,
    json: JsonFlag = False,
) -> None:
    """Close the next epoch over every tenant's log, and have it cosigned.

    Example: intended audit epoch --witness https://witness.example --witness-key "$(cat witness.vkey)"

    Exit code 8 when a witness knows a longer anchor log, or another one: the store was rolled back, or the log was forked.
    """
    if len(ask or []) != len(keys or []):
        fail(Exit.USAGE, "give one --witness-key for each --witness, in the same order")
    stamps = stamper(tsa, tsa_cert, stamp_every if every > 0 else 0.0)
    registry = load_registry()
    asked = [
        (registry.create("witness", "http", url=url), parse_cosigner(key))
        for url, key in zip(ask or [], keys or [], strict=True)
    ]
    with place().open() as authority:
        if every <= 0:
            told = _epoch(authority, asked, out, stamps, only_if_moved=False)
            emit(json, told, _epoch_text(told))
            authority.anchor.release()
            raise typer.Exit(int(Exit.OK if not told["unanswered"] and "unstamped" not in told else Exit.OPERATOR))
        _go_on(authority, asked, out, stamps, every=every, idle=idle, as_json=json)


def _epoch(authority: Authority, asked: list[Any], out: Path | None, stamps: Stamper | None, *, only_if_moved: bool) -> dict[str, Any]:
    sealed = authority.anchor.seal(only_if_moved=only_if_moved)
    if sealed is None:
        return {}
    told: dict[str, Any] = {
        "epoch": sealed.epoch, "tenants": sealed.tenants, "moved": sealed.moved, "chained": sealed.chained,
        "time_us": sealed.time_us, "cosigned": [], "unanswered": [],
    }  # fmt: skip
    for adapter, key in asked:
        try:
            found = authority.anchor.cosign(adapter, key)
        except AdapterError as error:
            told["unanswered"].append(str(error))
        else:
            told["cosigned"].append({"witness": found.key.name, "size": found.size, "time_s": found.time_s})
    if stamps is not None and stamps.due(time.monotonic()):
        told |= stamps.stamp(authority)
    told["anchor_key"] = str(authority.anchor.key())
    if out is not None:
        told["tiles"] = export_anchor(authority, out, since=_exported(out))
    return told


def _exported(folder: Path) -> int:
    try:
        return int((folder / "checkpoint").read_bytes().split(b"\n")[1])
    except (OSError, ValueError, IndexError):
        return 0


def _epoch_text(told: dict[str, Any]) -> str:
    restarted = "" if told["chained"] else ", with a new chain of epoch keys"
    lines = [f"epoch {told['epoch']}: {counted(told['tenants'], 'log')}, {told['moved']} of them grown{restarted}"]
    lines += [f"  cosigned by {one['witness']} up to epoch {one['size'] - 1}" for one in told["cosigned"]]
    lines += [f"  not cosigned: {text}" for text in told["unanswered"]]
    lines += stamped_lines(told)
    lines.append(f"  anchor key: {told['anchor_key']}")
    return "\n".join(lines)


def _go_on(
    authority: Authority, asked: list[Any], out: Path | None, stamps: Stamper | None, *, every: float, idle: float, as_json: bool
) -> None:
    """Until interrupted. While another process seals, wait for its lease."""
    last = 0.0
    try:
        while True:
            begin = time.monotonic()
            try:
                told = _epoch(authority, asked, out, stamps, only_if_moved=begin - last < idle)
                if told:
                    last = begin
                    emit(as_json, told, _epoch_text(told))
            except UnitRefusedError as error:
                if error.code not in ("lease_held", "epoch_moved"):
                    raise
            time.sleep(max(0.0, every - (time.monotonic() - begin)))
    except KeyboardInterrupt:
        authority.anchor.release()


def audit_proof(
    out: Out,
    seq: Annotated[int | None, typer.Argument(help="The record; none with --slot.")] = None,
    slot: Annotated[bool, typer.Option("--slot", help="Prove the tenant's head alone: for the customer to keep.")] = False,
    epoch: Annotated[int | None, typer.Option(help="Of which epoch; default the newest that is cosigned.")] = None,
    tlog_proof: Annotated[
        bool, typer.Option("--tlog-proof", help="Only the last stage, as a C2SP .tlog-proof for other tools.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write the proof that a record, or the tenant's whole log, stands below a cosigned checkpoint.

    Example: intended --tenant acme audit proof 42 -o record-42.proof
    """
    if slot == (seq is not None):
        fail(Exit.USAGE, "say which record, or --slot for the log's head alone")
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        if seq is None:
            data = export_slot_proof(authority, tenant, epoch=epoch)
        else:
            data = export_record_proof(authority, tenant, seq, epoch=epoch)
    written = tlog_proof_of(data) if tlog_proof else data
    _write(out, written)
    emit(json, {"file": str(out), "bytes": len(written)}, f"wrote {out} ({len(written)} bytes)")


def audit_check(
    files: Annotated[list[Path], typer.Argument(help="One proof, or a tenant's slot proofs epoch after epoch.")],
    policy: Policy,
    record: Annotated[Path | None, typer.Option(help="The record's header, for the proof of a record.")] = None,
    min_epoch: Annotated[int | None, typer.Option(help="Refuse a proof of an earlier epoch.")] = None,
    max_age: Annotated[float | None, typer.Option(help="Refuse what no witness saw so lately (seconds).")] = None,
    min_verdict: Annotated[str, typer.Option("--min-verdict", help="Exit 0 only at or above this verdict.")] = "WITNESSED",
    json: JsonFlag = False,
) -> None:
    """Check proofs with no store and no network, under your own policy file.

    Example: intended audit check acme.slot --policy trust.policy

    Exit code 0 at or above --min-verdict (default: the quorum of your policy cosigned), 18 to 20 below it, 8 when a proof does not hold.
    """
    try:
        minimum = Grade(min_verdict.upper())
    except ValueError:
        fail(Exit.USAGE, f"{min_verdict} is not a verdict")
    trusted = read_file(policy, limit=SMALL)
    proofs = [read_file(path, limit=SMALL) for path in files]
    unproved: list[int] = []
    if len(proofs) > 1:
        walk = check_slots(proofs, policy=trusted)
        head, unproved = walk.heads[-1], list(walk.unproved)
        if min_epoch is not None and head.epoch < min_epoch:
            raise AuditError(f"the proofs end with epoch {head.epoch}", code="audit.stale")
    else:
        entry = None if record is None else read_file(record, limit=SMALL)
        since = None if max_age is None else int(time.time() - max_age)
        found = check_proof(proofs[0], policy=trusted, entry=entry, min_epoch=min_epoch, not_before_s=since)
        head = found.head if isinstance(found, AttestedRecord) else found
    told = {
        "verdict": head.grade.value, "organisations": list(head.organisations), "epoch": head.epoch, "size": head.opening.size,
        "root": head.opening.root.hex(), "origin": head.opening.origin, "slot": head.opening.slot, "seen_s": head.seen_s,
        "epochs": len(proofs), "unproved": unproved,
    }  # fmt: skip
    text = (
        f"{head.grade.value}({len(head.organisations)} organisations): {head.opening.origin} held {head.opening.size} records "
        f"in epoch {head.epoch}"
    )
    if len(proofs) > 1:
        text += f"; {len(proofs)} epochs without a gap"
    if unproved:
        grown = ", ".join(map(str, unproved))
        text += f"\n  that the longer logs of epochs {grown} extend the shorter ones is for `audit verify` with these proofs to show"
    emit(json, told, text)
    raise typer.Exit(exit_code(head.grade, minimum=minimum))


def audit_second_key(json: JsonFlag = False) -> None:
    """Let the anchor log sign its checkpoints with ML-DSA-44 as well, and print the key for a second `log` line of policy files.

    Example: intended audit second-key >> trust.policy

    The key is made the first time and printed each time.
    """
    with place().open() as authority:
        key = str(authority.anchor.add_second_key())
    emit(json, {"second_key": key}, f"log {key}")


def audit_tiles(folder: Path, json: JsonFlag = False) -> None:
    """Write the anchor log as files (C2SP tlog-tiles), only what is new since the last time.

    Example: intended audit tiles public/
    """
    with place().open() as authority:
        try:
            size = export_anchor(authority, folder, since=_exported(folder))
        except OSError as error:
            fail(Exit.INPUT, f"{folder} cannot be written: {error.strerror}")
        key = str(authority.anchor.key())
    emit(json, {"folder": str(folder), "size": size, "anchor_key": key}, f"{size} epochs in {folder}\nanchor key: {key}")


def audit_serve(
    folder: Path,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8460,
    json: JsonFlag = False,
) -> None:
    """Serve a folder of tiles read-only.

    Example: intended audit serve public/ --port 8460
    """
    server: Any = load_registry().create("server", "tiles", folder=str(folder))
    emit(json, {"host": host, "port": port, "folder": str(folder)}, f"serving {folder} on {host} port {port}")
    server.serve(host=host, port=port)


@equivocation.command("show")
def equivocation_show(
    first: Path,
    second: Path,
    key: Annotated[str, typer.Option(help="The log's verifier key.")],
    out: Out,
    json: JsonFlag = False,
) -> None:
    """Make a proof of two statements of one log that cannot both be true: two checkpoints, or two slot proofs.

    Example: intended audit equivocation show mine.txt theirs.txt --key "$(cat anchor.vkey)" -o equivocation.json
    """
    data = show_equivocation(read_file(first, limit=SMALL), read_file(second, limit=SMALL), key=key)
    _write(out, data)
    emit(json, {"file": str(out), "bytes": len(data)}, f"wrote {out}: the log said two things")


@equivocation.command("verify")
def equivocation_verify(
    file: Path, key: Annotated[str, typer.Option(help="The log's verifier key.")], json: JsonFlag = False
) -> None:
    """Verify, offline, that a log signed two statements that cannot both be true. Exit code 0 when it did.

    Example: intended audit equivocation verify equivocation.json --key "$(cat anchor.vkey)"
    """
    found = check_equivocation(read_file(file, limit=SMALL), key=key)
    what = f"size {found.at}" if found.kind == "size" else f"epoch {found.at}, slot {found.slot}"
    emit(
        json, {"kind": found.kind, "origin": found.origin, "at": found.at, "slot": found.slot},
        f"FORKED: {found.origin} signed two different heads of {what}",
    )  # fmt: skip


Name = Annotated[str, typer.Option(help="The witness's name: an address without scheme, such as witness.example/1.")]
KeyFile = Annotated[Path, typer.Option("--key", help="The witness's key: 32 bytes.")]
Logs = Annotated[list[str], typer.Option("--log", help="Verifier key of a log to be cosigned; repeatable.")]
State = Annotated[Path, typer.Option(help="The folder in which the witness remembers. Never restore it from a backup.")]


def _secret(path: Path) -> bytes:
    data = read_file(path, limit=32)
    if len(data) != 32:
        fail(Exit.INPUT, f"{path} does not hold 32 bytes")
    return data


@witness.command("key")
def witness_new_key(name: Name, key: KeyFile, json: JsonFlag = False) -> None:
    """Print the verifier key of a witness; make its key file when there is none.

    Example: intended witness key --name witness.example/1 --key witness.key
    """
    if not key.exists():
        try:
            handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            fail(Exit.INPUT, f"{key} cannot be written: {error.strerror}")
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32))
    found = str(witness_key(name, _secret(key)))
    emit(json, {"witness_key": found}, found)


@witness.command("serve")
def witness_serve(
    name: Name,
    key: KeyFile,
    log: Logs,
    state: State,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8461,
    json: JsonFlag = False,
) -> None:
    """Be a witness: cosign checkpoints of these logs that extend what was cosigned before (C2SP tlog-witness).

    Example: intended witness serve --name witness.example/1 --key witness.key --state state/ --log "$(cat anchor.vkey)"
    """
    server = _witness(name, key, log, state)
    told = {"host": host, "port": port, "witness_key": str(server.witness.key)}
    emit(json, told, f"{told['witness_key']} listens on {host} port {port}")
    server.serve(host=host, port=port)


@witness.command("cosign")
def witness_cosign(
    request: Annotated[Path, typer.Argument(help="An add-checkpoint request, - for standard input.")],
    name: Name,
    key: KeyFile,
    log: Logs,
    state: State,
    json: JsonFlag = False,
) -> None:
    """Answer one request without a network: for a witness that is asked by mail or on a stick.

    Example: intended witness cosign request.txt --name witness.example/1 --key witness.key --state state/ --log "$(cat anchor.vkey)"
    """
    server = _witness(name, key, log, state)
    answering: CosigningWitness = server.witness
    reply = answering.answer(read_file(request, limit=SMALL))
    server.close()
    text = reply.body.decode("utf-8", "replace")
    emit(json, {"status": reply.status, "body": text}, text.rstrip("\n"))
    raise typer.Exit(int(Exit.OK if reply.status == 200 else Exit.AUDIT))


def _witness(name: str, key: Path, logs: list[str], state: Path) -> Any:
    return load_registry().create("server", "witness", witness=name, secret=_secret(key), logs=logs, folder=str(state))


def add_to_audit(audit: typer.Typer) -> None:
    """Add what stands under `intended audit`."""
    for name, command in (
        ("epoch", audit_epoch), ("proof", audit_proof), ("check", audit_check), ("tiles", audit_tiles), ("serve", audit_serve),
        ("second-key", audit_second_key),
    ):  # fmt: skip
        audit.command(name)(command)
    times(audit)
    audit.add_typer(
        equivocation, name="equivocation", help="Prove that a log said two things.", no_args_is_help=True
    )
