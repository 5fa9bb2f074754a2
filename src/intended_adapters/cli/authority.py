"""Commands that work on a store: tenants, authorize."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_adapters.cli.language import show_outcome
from intended_adapters.cli.signers import Signing, with_signers
from intended_core import (
    Authority,
    Deny,
    Granted,
    Pending,
    intent_from_json,
    outcome_json,
)

__all__ = [
    "authority_commands",
    "authorize",
    "init",
    "tenants",
]

tenants = typer.Typer()


def init(
    name: Annotated[str, typer.Option(help="The authority's own name, in tokens and log origins.")] = "intended.local",
    json: JsonFlag = False,
) -> None:
    """Make a new store and a new key-encryption key; neither may exist.

    Example: intended --store data/authority.db --key-file keys/kek init
    """
    where = place()
    where.store.parent.mkdir(parents=True, exist_ok=True)
    where.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Authority.create(where.store, key_file=where.key_file, name=name):
        emit(
            json, {"store": str(where.store), "key_file": str(where.key_file), "name": name},
            f"made {where.store}\nmade {where.key_file} (mode 0600): back it up apart from the store, "
            "which cannot be opened without it",
        )  # fmt: skip


@tenants.command("create")
def tenant_create(
    name: str,
    env: Annotated[str, typer.Option(help="live or test.")] = "live",
    algorithm: Annotated[str, typer.Option(help="What signs its tokens: RS256, PS256, ES256 or Ed25519.")] = "RS256",
    json: JsonFlag = False,
) -> None:
    """Make a tenant environment with its own keys and log.

    Example: intended tenant create acme
    """
    with place().open() as authority:
        tenant = authority.create_tenant(name, env, algorithm=algorithm)
        _, key = tenant.checkpoint()
        emit(
            json, {"tenant": name, "env": env, "uuid": tenant.scope.uuid, "log_key": str(key)},
            f"made tenant {name} ({env})\nverifiers pin this log key:\n{key}",
        )  # fmt: skip


@tenants.command("show")
def tenant_show(json: JsonFlag = False) -> None:
    """Show one tenant environment: its log key, its log's size, the set in force, and whether it has an admin.

    Example: intended --tenant acme tenant show
    """
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        head, (_, key), active = tenant.head(), tenant.checkpoint(), tenant.policies.active()
        governed = any("admin" in person.roles for person in tenant.persons.list())
        closed = tenant.closing.closed() is not None
    data = {
        "tenant": where.tenant, "env": where.env, "uuid": tenant.scope.uuid, "log_key": str(key), "records": head.size,
        "generation": head.generation, "active": None if active is None else active.digest.hex(), "governed": governed,
        "closed": closed,
    }  # fmt: skip
    ended = "\nclosed: nothing is granted in it any more" if closed else ""
    hand = "two persons put sets and data in force" if governed else "one hand puts sets and data in force: it has no admin"
    emit(
        json, data,
        f"{where.tenant} ({where.env}) {data['uuid']}\n{head.size} records, generation {head.generation}\n"
        f"set in force {data['active'] or 'none'}\n{hand}\nlog key {key}{ended}",
    )  # fmt: skip


@tenants.command("close")
@with_signers
def tenant_close(
    reason: Annotated[str, typer.Option(help="Why: one sentence that stays in the log.")],
    signing: Signing,
    json: JsonFlag = False,
) -> None:
    """End a tenant environment for good: nothing is granted, redeemed or written in it any more. Two persons sign where it has an admin.

    Example: intended --tenant acme tenant close --reason ended --person 'User::"ann"' --key a.pem --person 'User::"bob"' --key b.pem

    Its log ends with the record that says so, and every epoch shows that head from then on. Nothing undoes it: stop it first
    (`intended halt engage`), let acts under way be completed, and erase what must go (`intended audit prune`). Keep its rows.
    """
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        if signing.digest:
            asked = tenant.closing.digest(reason).hex()
            emit(json, {"digest": asked}, asked)
            return
        keys, signatures = signing.signers(optional=True)
        done = authority.close_tenant(where.tenant, where.env, reason=reason, keys=keys, signatures=signatures)
    emit(json, {"seq": done.seq, "size": done.size}, f"{where.tenant} ({where.env}) is closed; its log ends with record {done.seq}")


@tenants.command("list")
def tenant_list(json: JsonFlag = False) -> None:
    """List every tenant and environment.

    Example: intended tenant list
    """
    with place().open() as authority:
        scopes = authority.tenants()
        emit(
            json, {"tenants": [{"tenant": s.tenant, "env": s.environment, "uuid": s.uuid} for s in scopes]},
            "\n".join(f"{s.tenant}  {s.environment}  {s.uuid}" for s in scopes) or "no tenants",
        )  # fmt: skip


def authorize(
    intent: Annotated[Path, typer.Argument(help="The intent as JSON; - for standard input.")],
    audience: Annotated[str, typer.Option(help="The adapter that will redeem.")],
    approval: Annotated[str | None, typer.Option(help="The id of an approved request for this intent.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the token to this file (mode 0600) instead of printing it.")
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Write a signed receipt of a denial or an escalation to this file.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Decide an intent; an allow mints a single-use token.

    Example: intended --tenant acme authorize intent.json --audience bank

    Exit code 0 allow, 3 deny, 4 escalate.
    """
    given = intent_from_json(read_file(intent))
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        outcome = tenant.authorize(given, audience=audience, approval=approval)
        if receipt is not None and isinstance(outcome, Deny | Pending):
            _write_token(receipt, tenant.tokens.receipt(outcome).text)
    data = outcome_json(outcome)
    data["seq"] = outcome.seq
    if isinstance(outcome, Granted):
        if out is not None:
            _write_token(out, outcome.token.text)
        else:
            data["token"] = outcome.token.text
        data["expires"] = outcome.expires_s
    if isinstance(outcome, Pending):
        data["approval"] = outcome.approval_id
    show_outcome(json, dict(data))
    if not json and isinstance(outcome, Granted) and out is None:
        typer.echo(outcome.token.text)
    if not json and isinstance(outcome, Pending):
        typer.echo(f"  waiting: intended approve {outcome.approval_id} --person … --key …")
    code = Exit.DENY if isinstance(outcome, Deny) else Exit.ESCALATE if isinstance(outcome, Pending) else Exit.OK
    raise typer.Exit(int(code))


def _write_token(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(Exit.INPUT, f"{path} cannot be written: {error.strerror}")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)


def authority_commands(app: typer.Typer) -> None:
    """Add the commands of this room that stand at the root."""
    app.command()(init)
    app.command()(authorize)
