"""Commands for keys and secrets: `intended keys …` and `intended secrets …`. A secret's value comes from a file, standard input or a
hidden prompt, never from the command line, where every process of the machine could read it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import ID_MAY_START_WITH_A_DASH, JsonFlag, emit, place, read_file
from intended_adapters.cli.signers import Signing, with_signers

__all__ = ["keys", "secrets"]

keys = typer.Typer()
secrets = typer.Typer()

MAX_VALUE_BYTES = 64 * 1024
Algorithm = Annotated[str, typer.Option(help="Change to RS256, PS256, ES256 or Ed25519; without it the algorithm stays.")]


@keys.command("list")
def keys_list(json: JsonFlag = False) -> None:
    """List signing keys and their states.

    Example: intended --tenant acme keys list
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).keyring.records()
    emit(
        json,
        {
            "keys": [
                {"kid": k.kid, "purpose": k.purpose, "algorithm": k.algorithm, "state": k.state.value, "created_us": k.created_us,
                 "changed_us": k.changed_us, "retire_us": k.retire_us}
                for k in found
            ]
        },
        "\n".join(f"{k.state.value:11} {k.purpose:6} {k.algorithm:8} {k.kid}" for k in found),
    )  # fmt: skip


@keys.command("prepare")
def keys_prepare(algorithm: Algorithm = "", json: JsonFlag = False) -> None:
    """Make the next token key ahead: published in the key set, not signing. One that is there already stays.

    Example: intended --tenant acme keys prepare
    """
    where = place()
    with where.open() as authority:
        done = where.handle(authority).keyring.prepare(algorithm=algorithm or None)
    emit(
        json, {"kid": done.kid, "algorithm": done.algorithm, "state": done.state, "seq": done.seq},
        f"PRE_ACTIVE {done.kid}" + (f"\nrecord {done.seq}" if done.seq is not None else "\nit was there already"),
    )  # fmt: skip


@keys.command("rotate")
def keys_rotate(algorithm: Algorithm = "", json: JsonFlag = False) -> None:
    """Make the prepared token key ACTIVE and prepare the next; the old one verifies until live tokens have expired.

    Example: intended --tenant acme keys rotate
    """
    where = place()
    with where.open() as authority:
        done = where.handle(authority).keyring.rotate(algorithm=algorithm or None)
    lines = [f"ACTIVE     {done.active}", f"PREVIOUS   {done.previous}"]
    lines.append(f"PRE_ACTIVE {done.prepared}" if done.prepared else "no next key was made: run `intended keys prepare`")
    lines.append(f"record {done.seq}" if done.seq is not None else "another rotator was first; its key is used")
    emit(
        json,
        {"active": done.active, "previous": done.previous, "prepared": done.prepared, "retired": list(done.retired),
         "state": done.state, "seq": done.seq},
        "\n".join(lines),
    )  # fmt: skip


@keys.command("retire")
def keys_retire(json: JsonFlag = False) -> None:
    """Retire every PREVIOUS key whose time is over; what is not due stays.

    Example: intended --tenant acme keys retire
    """
    where = place()
    with where.open() as authority:
        done = where.handle(authority).keyring.retire()
    shown = [f"RETIRED {kid}" for kid in done.retired]
    shown.append(f"record {done.seq}" if done.seq is not None else "nothing is due")
    emit(json, {"retired": list(done.retired), "seq": done.seq}, "\n".join(shown))


@keys.command("compromise", context_settings=ID_MAY_START_WITH_A_DASH)
@with_signers
def keys_compromise(
    kid: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    *,
    signing: Signing,
    algorithm: Algorithm = "",
    json: JsonFlag = False,
) -> None:
    """Refuse everything that a token key ever signed, at once and for good. Two persons agree.

    Example: intended --tenant acme keys compromise KID --person 'User::"ann"' --key ann.pem --person 'User::"bob"' --key bob.pem
    """
    where = place()
    with where.open() as authority:
        ring = where.handle(authority).keyring
        if signing.digest:
            emit(json, {"kid": kid, "digest": ring.compromise_digest(kid).hex()}, ring.compromise_digest(kid).hex())
            return
        pairs, given = signing.signers()
        done = ring.compromise(kid, keys=pairs, signatures=given, algorithm=algorithm or None)
    emit(
        json, {"kid": done.kid, "active": done.active, "seq": done.seq},
        f"COMPROMISED {done.kid}\nACTIVE      {done.active}\nrecord {done.seq}",
    )  # fmt: skip


@keys.command("rewrap")
def keys_rewrap(
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Instead, remove the older keys from the key file; older backups open no more.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Carry every seal of every tenant to a fresh key-encryption key. May be stopped at any time and run again.

    Example: intended keys rewrap
    """
    with place().open() as authority:
        if drop_old:
            dropped = list(authority.drop_older_keys())
            emit(json, {"dropped": dropped}, "\n".join(f"dropped {name}" for name in dropped) or "there is no older key")
            return
        rows: dict[str, int] = {}

        def told(scope: Any, step: Any) -> None:
            name = f"{scope.tenant}/{scope.environment}"
            rows[name] = rows.get(name, 0) + step.done
            if not json:
                typer.echo(f"{name}: {rows[name]} carried over, {step.left} left")

        current = authority.rewrap(progress=told)
    emit(
        json, {"kek": current, "rows": rows},
        f"current {current}\nthe older key stays in the key file for backups made before; `intended keys rewrap --drop-old` removes it",
    )  # fmt: skip


@secrets.command("put")
def secrets_put(
    adapter: Annotated[str, typer.Argument(help="The adapter that will use it.")],
    name: Annotated[str, typer.Argument(help="The secret's name.")],
    file: Annotated[Path | None, typer.Option(help="Read the value from this file instead of standard input.")] = None,
    json: JsonFlag = False,
) -> None:
    """Seal a secret for one adapter; its bytes are taken as they are. On a terminal the value is asked for and not shown.

    Example: intended --tenant acme secrets put bank api-key < api-key.txt
    """
    if file is None and sys.stdin.isatty():
        value = str(typer.prompt("value", hide_input=True)).encode("utf-8")
    else:
        value = read_file(file or Path("-"), limit=MAX_VALUE_BYTES)
    where = place()
    with where.open() as authority:
        seq = where.handle(authority).secrets.put(adapter, name, value)
    emit(json, {"adapter": adapter, "name": name, "seq": seq}, f"sealed {adapter}/{name}, {len(value)} bytes\nrecord {seq}")


@secrets.command("list")
def secrets_list(json: JsonFlag = False) -> None:
    """List which secrets there are; nobody is shown a value.

    Example: intended --tenant acme secrets list
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).secrets.list()
    emit(
        json,
        {
            "secrets": [
                {"adapter": one.adapter, "name": one.name, "sealing": one.sealing, "created_us": one.created_us,
                 "changed_us": one.changed_us}
                for one in found
            ]
        },
        "\n".join(f"{one.adapter}/{one.name}  put {one.sealing} times" for one in found) or "no secrets",
    )  # fmt: skip


@secrets.command("remove")
def secrets_remove(adapter: str, name: str, json: JsonFlag = False) -> None:
    """Remove a secret: its sealed bytes are overwritten in the store. Backups made before still hold them, sealed.

    Example: intended --tenant acme secrets remove bank api-key
    """
    where = place()
    with where.open() as authority:
        seq = where.handle(authority).secrets.remove(adapter, name)
    emit(json, {"adapter": adapter, "name": name, "seq": seq}, f"removed {adapter}/{name}\nrecord {seq}")
