"""Commands that stop and that recover: `intended halt …`, `intended token revoke`, `intended recover`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, Place, emit, fail, place, read_file
from intended_adapters.cli.persons import persons
from intended_adapters.cli.signers import (
    Signing,
    Until,
    asked_until,
    end_of,
    private_key,
    until_us,
    with_signers,
)
from intended_adapters.cli.tokens import tokens
from intended_core import Authority, EntityRef, Halt, HaltTarget, entity_ref

__all__ = ["halts", "halts_commands", "recover"]

halts = typer.Typer()

Target = Annotated[str, typer.Argument(help="""tenant, environment, adapter:NAME or principal:Agent::"bot".""", metavar="TARGET")]
Reason = Annotated[str, typer.Option(help="Why: one sentence, for the record and for everybody who is refused.")]


def _target(text: str) -> HaltTarget:
    kind, _, name = text.partition(":")
    if kind == "adapter":
        return HaltTarget.of_adapter(name)
    if kind == "principal":
        return HaltTarget.of_principal(entity_ref(name))
    if text == "tenant":
        return HaltTarget("tenant")
    if text != "environment":
        fail(Exit.USAGE, """a target is tenant, environment, adapter:NAME or principal:Agent::"bot\"""")
    return HaltTarget("environment")


def _shown(halt: Halt, env: str) -> dict[str, Any]:
    return {
        "target": str(halt.target), "engaged": halt.engaged, "reason": halt.reason, "by": [str(ref) for ref in halt.by],
        "seq": halt.seq, "at_us": halt.at_us, "env": env,
    }  # fmt: skip


def _line(shown: dict[str, Any]) -> str:
    state = "HALTED " if shown["engaged"] else "resumed"
    return f"{state} {shown['env']:4} {shown['target']}: {shown['reason']} (by {', '.join(shown['by'])}; record {shown['seq']})"


@halts.command("engage")
@with_signers
def halt_engage(target: Target, reason: Reason, *, signing: Signing, json: JsonFlag = False) -> None:
    """Stop a tenant, an environment, an adapter or a principal at once; one person signs. It needs no policy set.

    Example: intended --tenant acme halt engage adapter:bank --reason 'it pays the wrong people' --person 'User::"ann"' --key ann.pem
    """
    _change("engage", target, reason, signing, json)


@halts.command("resume")
@with_signers
def halt_resume(target: Target, reason: Reason, *, signing: Signing, json: JsonFlag = False) -> None:
    """Let what was halted go on; two distinct persons sign.

    Example: intended --tenant acme halt resume tenant --reason mended --person 'User::"ann"' --key a.pem --person 'User::"bob"' --key b.pem
    """
    _change("resume", target, reason, signing, json)


def _change(verb: str, target: str, reason: str, signing: Signing, as_json: bool) -> None:
    aim, where = _target(target), place()
    with where.open() as authority:
        if aim.kind == "tenant":
            done = _everywhere(authority, where, verb, reason, signing, as_json)
            if done is None:
                return
        else:
            tenant = where.handle(authority)
            if signing.digest:
                asked = tenant.halts.digest("engage" if verb == "engage" else "resume", aim, reason)
                emit(as_json, {"target": str(aim), "reason": reason, "digest": asked.hex()}, asked.hex())
                return
            keys, signatures = signing.signers()
            act = tenant.halts.engage if verb == "engage" else tenant.halts.resume
            done = [_shown(act(aim, reason=reason, keys=keys, signatures=signatures), where.env)]
    emit(as_json, {"halts": done}, "\n".join(map(_line, done)))


def _everywhere(
    authority: Authority, where: Place, verb: str, reason: str, signing: Signing, as_json: bool
) -> list[dict[str, Any]] | None:
    """The tenant in every environment that it has; None where only the digests were asked for."""
    name = where.tenant
    environments = [scope.environment for scope in authority.tenants() if scope.tenant == name]
    if not environments:
        where.handle(authority)  # says that there is no such tenant
    if signing.digest:
        aim = HaltTarget("tenant")
        asked = {
            env: authority.tenant(name, env).halts.digest("engage" if verb == "engage" else "resume", aim, reason).hex()
            for env in environments
        }
        lines = [each if len(asked) == 1 else f"{env} {each}" for env, each in asked.items()]
        one = {"digest": asked[environments[0]]} if len(asked) == 1 else {}
        emit(as_json, {"target": str(aim), "reason": reason, "digests": asked, **one}, "\n".join(lines))
        return None
    given = signing.signers_everywhere(environments)
    keys = given[environments[0]].keys
    found = authority.halt_tenant(
        name, reason=reason, keys=keys, signatures={env: each.signatures for env, each in given.items()}, resume=verb == "resume"
    )
    return [_shown(halt, env) for halt, env in zip(found, environments, strict=True)]


@halts.command("list")
def halt_list(json: JsonFlag = False) -> None:
    """List the halts of this tenant environment, and what became of them.

    Example: intended --tenant acme halt list
    """
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        found = [_shown(halt, tenant.scope.environment) for halt in tenant.halts.standing()]
    emit(json, {"halts": found}, "\n".join(map(_line, found)) or "nothing was ever halted")


@tokens.command("revoke")
@with_signers
def token_revoke(
    reason: Reason,
    token: Annotated[Path | None, typer.Option(help="The token's file; - for standard input.")] = None,
    jti: Annotated[str, typer.Option(help="The token's jti, as `token inspect` shows it.")] = "",
    principal: Annotated[str, typer.Option(help="Every token so far in whose chain this principal stands.")] = "",
    *,
    signing: Signing,
    until: Until = None,
    json: JsonFlag = False,
) -> None:
    """Revoke one token, or all tokens of a principal that were issued so far; one person signs.

    Example: intended --tenant acme token revoke --principal 'Agent::"bot"' --reason 'taken over' --person 'User::"ann"' --key ann.pem
    """
    if [token is not None, bool(jti), bool(principal)].count(True) != 1:
        fail(Exit.USAGE, "name one of --token, --jti and --principal")
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).halts
        what: EntityRef | str = entity_ref(principal) if principal else jti
        if token is not None:
            what = desk.jti(read_file(token, limit=64 * 1024).decode("ascii", "replace").strip())
        if signing.digest and not isinstance(what, EntityRef):
            asked = desk.revocation_digest(what, reason).hex()
            emit(json, {"revoke": str(what), "digest": asked}, asked)
            return
        if signing.digest:
            end, told = end_of(until)
            asked = desk.revocation_digest(what, reason, expires_us=end).hex()
            emit(json, {"revoke": str(what), "digest": asked, "until": told}, asked_until(asked, until, told))
            return
        keys, signatures = signing.signers()
        if isinstance(what, EntityRef):
            if signatures and until is None:
                fail(Exit.USAGE, "say until when the signature counts: --until, as --digest printed it")
            ends = None if until is None else until_us(until)
            seq = desk.revoke_tokens_of(what, reason=reason, keys=keys, signatures=signatures, expires_us=ends)
        else:
            seq = desk.revoke_token(what, reason=reason, keys=keys, signatures=signatures)
    text = f"revoked every token of {what} before record {seq}" if principal else f"revoked token {what}; record {seq}"
    emit(json, {"revoked": str(what), "seq": seq}, text)


@persons.command("sign")
def person_sign(
    digest: Annotated[str, typer.Argument(help="What is signed: 64 hexadecimal characters, as --digest prints them.")],
    key: Annotated[Path, typer.Option(help="The person's private key (PEM).")],
    json: JsonFlag = False,
) -> None:
    """Sign a digest with a person's own key, on their own machine; it needs no store.

    Example: intended person sign 4b0f… --key ann.pem
    """
    try:
        asked = bytes.fromhex(digest)
    except ValueError:
        fail(Exit.USAGE, "a digest is 64 hexadecimal characters")
    signature = private_key(key).sign(asked).hex()
    emit(json, {"digest": digest, "signature": signature}, signature)


@with_signers
def recover(
    reason: Annotated[str, typer.Option(help="Why the next generation is opened; without it, only say where the log stands.")] = "",
    *,
    signing: Signing,
    json: JsonFlag = False,
) -> None:
    """Open the next generation of a log whose store was put back, or whose clock had run ahead: two distinct persons sign.

    Example: intended --tenant acme recover --reason backup --person 'User::"ann"' --key a.pem --person 'User::"bob"' --key b.pem

    Without --reason it shows where the log stands and what to do next. Every token and approval of the older generations is void.
    """
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).recovery
        status = desk.status()
        shown: dict[str, Any] = {
            "generation": status.generation, "size": status.size, "root": status.root.hex(), "refusing": status.refusing,
            "evidence": status.evidence, "ahead_seconds": status.ahead_us // 1_000_000,
        }  # fmt: skip
        if not reason:
            emit(json, shown, _steps(shown))
            return
        if signing.digest:
            emit(json, {**shown, "digest": desk.digest(reason).hex()}, desk.digest(reason).hex())
            return
        keys, signatures = signing.signers()
        done = desk.recover(reason=reason, keys=keys, signatures=signatures)
    text = f"generation {done.generation} is open; record {done.seq}\nevery token and approval of older generations is void"
    if done.clock:
        text += "\nthe log's time begins anew at the present one"
    emit(json, {"generation": done.generation, "seq": done.seq, "clock": done.clock}, text)


def _steps(shown: dict[str, Any]) -> str:
    lines = [f"generation {shown['generation']}, {shown['size']} records, root {shown['root']}"]
    if shown["evidence"]:
        lines.append(f"refusing: {shown['evidence']}")
    if shown["ahead_seconds"]:
        lines.append(f"refusing: the newest record is {shown['ahead_seconds']} s later than the clock")
    if len(lines) == 1:
        return f"{lines[0]}\nnothing is known against it"
    return "\n".join(
        [
            *lines,
            "1. look for the newest copy of the store, and put it back if there is one: nothing else brings lost records back",
            "2. two persons look at these lines, and at what ran since that copy was made",
            "3. each signs: intended … recover --reason WHY --digest, then their own key; or both give --person and --key here",
            "4. intended … recover --reason WHY with both persons opens the next generation",
        ]
    )


def halts_commands(app: typer.Typer) -> None:
    """Add this room's root commands."""
    app.command("recover")(recover)
