"""Commands for persons: their keys, who is registered in which roles, and who leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_adapters.cli.signers import Signing, Until, asked_until, end_of, private_key, until_us, with_signers
from intended_core import LocalPersonKey, SystemRandomness, entity_ref

__all__ = ["persons"]

persons = typer.Typer()


def _new_key(path: Path) -> LocalPersonKey:
    """A fresh key, written with mode 0600 to a file that did not exist."""
    key = LocalPersonKey.generate(SystemRandomness())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(Exit.INPUT, f"{path} cannot be written: {error.strerror}")
    with os.fdopen(handle, "wb") as stream:
        stream.write(key.to_pem())
    return key


def _ask(statement: Any, person: str, until: str | None, told: str, as_json: bool) -> None:
    """Print what an admin signs elsewhere; it is given again with the same --until."""
    asked = statement.digest().hex()
    emit(
        as_json, {"person": person, "digest": asked, "expires_us": statement.expires_us, "until": told},
        asked_until(asked, until, told),
    )  # fmt: skip


def _end(signatures: list[Any], until: str | None) -> int:
    """Until when signatures made elsewhere count; 0 where there are none."""
    if signatures and until is None:
        fail(Exit.USAGE, "say until when the signature counts: --until, as --digest printed it")
    return until_us(until) if signatures else 0


@persons.command("key")
def person_key(
    path: Annotated[Path, typer.Argument(help="Where to write the private key (PEM); must not exist.")],
    json: JsonFlag = False,
) -> None:
    """Make a local person key; print the public key that `person add` takes.

    Example: intended person key ann.pem
    """
    key = _new_key(path)
    emit(
        json,
        {"file": str(path), "public_key": key.public_key.hex()},
        f"made {path} (mode 0600)\npublic key {key.public_key.hex()}",
    )


@persons.command("add")
@with_signers
def person_add(
    person: Annotated[str, typer.Argument(help='As in policies: User::"ann".')],
    public_key: Annotated[str, typer.Argument(help="64 hexadecimal characters, as `person key` prints them.")],
    role: Annotated[list[str] | None, typer.Option(help="viewer, operator, approver or admin; may be given again.")] = None,
    *,
    signing: Signing,
    until: Until = None,
    json: JsonFlag = False,
) -> None:
    """Register a person, or replace their key and roles. Without --role they are an approver.

    Example: intended --tenant acme person add 'User::"ann"' 3f… --role approver --person 'User::"eve"' --key eve.pem
    """
    try:
        raw = bytes.fromhex(public_key)
    except ValueError:
        fail(Exit.INPUT, "a public key is 64 hexadecimal characters, as `intended person key` prints it")
    roles, ref, where = role or ["approver"], entity_ref(person), place()
    with where.open() as authority:
        desk = where.handle(authority).persons
        if signing.digest:
            end, told = end_of(until)
            _ask(desk.statement("register", ref, public_key=raw, roles=roles, expires_us=end), person, until, told, json)
            return
        keys, signatures = signing.signers(optional=True)
        seq = desk.add(ref, raw, roles=roles, keys=keys, signatures=signatures, expires_us=_end(signatures, until))
        emit(json, {"person": person, "roles": sorted(set(roles)), "seq": seq}, f"registered {person}; record {seq}")


@persons.command("list")
def person_list(json: JsonFlag = False) -> None:
    """List persons, their roles and public keys.

    Example: intended --tenant acme person list
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).persons.list()
    emit(
        json,
        {"persons": [{"person": str(each.ref), "roles": sorted(each.roles), "public_key": each.public_key.hex()} for each in found]},
        "\n".join(f"{each.ref}  {', '.join(sorted(each.roles))}  {each.public_key.hex()}" for each in found) or "nobody",
    )  # fmt: skip


@persons.command("remove")
@with_signers
def person_remove(
    person: Annotated[str, typer.Argument(help='As in policies: User::"ann".')],
    *,
    signing: Signing,
    until: Until = None,
    json: JsonFlag = False,
) -> None:
    """Remove a person: what they approved and was not used counts no longer.

    Example: intended --tenant acme person remove 'User::"ann"' --person 'User::"eve"' --key eve.pem
    """
    ref, where = entity_ref(person), place()
    with where.open() as authority:
        desk = where.handle(authority).persons
        if signing.digest:
            end, told = end_of(until)
            _ask(desk.statement("remove", ref, expires_us=end), person, until, told, json)
            return
        keys, signatures = signing.signers(optional=True)
        seq = desk.remove(ref, keys=keys, signatures=signatures, expires_us=_end(signatures, until))
        emit(json, {"person": person, "seq": seq}, f"removed {person}; record {seq}")


@persons.command("rotate")
def person_rotate(
    person: Annotated[str, typer.Argument(help='As in policies: User::"ann".')],
    key: Annotated[Path, typer.Option(help="The private key that the person has (PEM).")],
    new: Annotated[Path, typer.Option(help="Where to write the new private key (PEM); must not exist.")],
    json: JsonFlag = False,
) -> None:
    """Change one's own key: the new one is made, written with mode 0600, and registered with the signatures of both.

    Example: intended --tenant acme person rotate 'User::"ann"' --key ann.pem --new ann-2027.pem
    """
    old, ref = private_key(key), entity_ref(person)
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        fresh = _new_key(new)
        seq = tenant.persons.rotate(ref, old=old, new=fresh)
        emit(
            json, {"person": person, "file": str(new), "public_key": fresh.public_key.hex(), "seq": seq},
            f"{person} signs with {new} from now on\npublic key {fresh.public_key.hex()}\nrecord {seq}",
        )  # fmt: skip
