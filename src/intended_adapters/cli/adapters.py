"""Commands for adapters that run elsewhere: their credentials, made and withdrawn."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_adapters.cli.signers import Signing, with_signers

__all__ = ["adapters"]

adapters = typer.Typer()
MAX_BYTES = 4096  # a credential has some 300
DAY_SECONDS = 24 * 3600

Adapter = Annotated[str, typer.Argument(help="The adapter's audience.")]


def _write(path: Path, text: str) -> None:
    """A file of mode 0600 that did not exist."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(Exit.INPUT, f"{path} cannot be written: {error.strerror}")
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)


@adapters.command("credential")
def adapter_credential(
    adapter: Adapter,
    file: Annotated[Path, typer.Argument(help="Where to write the credential; must not exist.")],
    days: Annotated[int, typer.Option(help="How long it lives, 1 to 90 days.")] = 30,
    json: JsonFlag = False,
) -> None:
    """Make a credential with which one adapter redeems from elsewhere, and does nothing else; written with mode 0600.

    Example: intended --tenant acme adapter credential bank bank.credential --days 30
    """
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).tokens
        text = desk.credential(adapter, life_seconds=days * DAY_SECONDS)
        shown = desk.read_credential(text)
    _write(file, text)
    emit(
        json, {"adapter": adapter, "id": shown.identifier, "end_s": shown.end_s, "file": str(file)},
        f"made {file} (mode 0600) for {adapter}\nid {shown.identifier}\n"
        f"`intended adapter withdraw {adapter} --id={shown.identifier}` ends it",
    )  # fmt: skip


@adapters.command("withdraw")
@with_signers
def adapter_withdraw(
    adapter: Adapter,
    reason: Annotated[str, typer.Option(help="Why: one sentence, for the record.")],
    file: Annotated[Path | None, typer.Option(help="The credential's file; - for standard input.")] = None,
    identifier: Annotated[str, typer.Option("--id", help="The credential's id, as `adapter credential` printed it.")] = "",
    *,
    signing: Signing,
    json: JsonFlag = False,
) -> None:
    """Withdraw a credential before it ends; without --file and --id, every one of the adapter that was made so far. One person signs.

    Example: intended --tenant acme adapter withdraw bank --reason 'the host was lost' --person 'User::"ann"' --key ann.pem
    """
    if file is not None and identifier:
        fail(Exit.USAGE, "name one of --file and --id, or neither to withdraw every credential so far")
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).tokens
        text = "" if file is None else read_file(file, limit=MAX_BYTES).decode("ascii", "replace").strip()
        name = identifier if file is None else desk.read_credential(text).identifier
        if signing.digest:
            asked = desk.withdrawal_digest(adapter, name, reason).hex()
            emit(json, {"adapter": adapter, "id": name or None, "digest": asked}, asked)
            return
        keys, signatures = signing.signers()
        seq = desk.withdraw(adapter, credential=text, identifier=name, reason=reason, keys=keys, signatures=signatures)
    what = f"credential {name} of {adapter}" if name else f"every credential of {adapter} so far"
    emit(json, {"adapter": adapter, "id": name or None, "seq": seq}, f"withdrew {what}; record {seq}")


@adapters.command("withdrawn")
def adapter_withdrawn(json: JsonFlag = False) -> None:
    """List which credentials are withdrawn, by adapter.

    Example: intended --tenant acme adapter withdrawn
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).tokens.withdrawn()
    shown: list[dict[str, Any]] = [{"adapter": each.adapter, "until_us": each.until_us, "ids": dict(each.ids)} for each in found]
    lines = [f"{each.adapter}: {_what(each.until_us, len(each.ids))}" for each in found]
    emit(json, {"withdrawn": shown}, "\n".join(lines) or "no credential was ever withdrawn")


def _what(until_us: int, single: int) -> str:
    until = datetime.fromtimestamp(until_us / 1_000_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    said = [f"all that were made until {until}"] if until_us else []
    return ", ".join([*said, f"{single} by id"] if single else said)
