"""Commands for tokens and what is read with a tenant's public keys: redeem, inspect, the key set, receipts."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_core import IntentError, call_from_json, parse_json, read_receipt

__all__ = ["tokens"]

tokens = typer.Typer()
MAX_BYTES = 64 * 1024  # a token or receipt has at most 8 KiB, a key set of a few keys about as much


@tokens.command("redeem")
def token_redeem(
    token: Annotated[Path, typer.Argument(help="A file with the token; - for standard input.")],
    call: Annotated[Path, typer.Option(help="The call that is about to run, as JSON.")],
    audience: Annotated[str, typer.Option(help="The adapter that redeems.")],
    json: JsonFlag = False,
) -> None:
    """Consume a token for exactly one call. Exit code 7 when it is not honoured.

    Example: intended --tenant acme token redeem token.jwt --call call.json --audience bank
    """
    text = read_file(token, limit=64 * 1024).strip()
    given = call_from_json(read_file(call))
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        done = tenant.redeem(text, given, adapter=tenant.adapter(audience))
        emit(
            json, {"redeemed": True, "attempt": done.attempt_id, "seq": done.seq, "action": done.call.action},
            f"redeemed: {done.call.action} may run once, now\nattempt {done.attempt_id}, record {done.seq}",
        )  # fmt: skip


@tokens.command("inspect")
def token_inspect(
    token: Annotated[Path, typer.Argument(help="A file with the token; - for standard input.")], json: JsonFlag = False
) -> None:
    """Show what a token says. It grants nothing and does not consume it.

    Example: intended --tenant acme token inspect token.jwt
    """
    text = read_file(token, limit=64 * 1024).strip()
    where = place()
    with where.open() as authority:
        found = where.handle(authority).inspect(text)
    claims = found.claims.to_json()
    emit(json, {"kid": found.kid, "claims": claims}, "\n".join(f"{name:9} {value}" for name, value in claims.items()))


@tokens.command("jwks")
def token_jwks(json: JsonFlag = False) -> None:
    """Print the tenant's JWK Set: the public keys that its tokens and receipts are read with.

    Example: intended --tenant acme token jwks
    """
    where = place()
    with where.open() as authority:
        keys = where.handle(authority).tokens.jwks()
    emit(json, dict(keys), json_.dumps(keys, indent=2))


@tokens.command("receipt")
def token_receipt(
    receipt: Annotated[Path, typer.Argument(help="A file with the receipt; - for standard input.")],
    jwks: Annotated[Path, typer.Option(help="The tenant's JWK Set, as `token jwks` printed it then.")],
    json: JsonFlag = False,
) -> None:
    """Verify a receipt of a denial or an escalation offline, and show what it says. Exit code 7 when it does not hold.

    Example: intended token receipt receipt.jwt --jwks keys.json
    """
    try:
        keys = parse_json(read_file(jwks, limit=MAX_BYTES))
    except IntentError as error:
        fail(Exit.INPUT, f"{jwks} is not a JWK Set: {error}")
    if not isinstance(keys, dict):
        fail(Exit.INPUT, f"{jwks} is not a JWK Set")
    found = read_receipt(read_file(receipt, limit=MAX_BYTES).strip(), keys)
    generation, seq, leaf = found.log
    emit(
        json,
        {
            "out": found.out, "class": found.cls, "approval": found.apr, "principal": found.sub, "action": found.action,
            "resource": found.resource, "rules": list(found.rul), "issuer": found.iss, "tenant": found.tid,
            "env": found.env, "time": found.iat, "generation": generation, "seq": seq, "leaf": leaf.hex(),
        },
        f"{found.out}{f' ({found.cls})' if found.cls else ''}: {found.sub} {found.action} {found.resource}\n"
        f"record {seq}, leaf {leaf.hex()}",
    )  # fmt: skip
