"""found: the first unit of a scope. It writes the row-tag secret, the keys, the genesis record and the head, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intended_core.audit.log import Draft, genesis_head
from intended_core.audit.record import EventKind
from intended_core.canonical import b64url
from intended_core.errors import UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, GenerateKey, Now, Random, Seal
from intended_core.flows.roster import first_guards
from intended_core.flows.steps import append_at, next_head
from intended_core.ids import Scope
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.keys.ring import KeyPurpose, KeyRecord, KeyState, check_generated, new_record, private_place
from intended_core.keys.sealing import Place
from intended_core.ports import GeneratedKey
from intended_core.unit import Changes, Row, Unit, UnitView, Write

__all__ = ["MAC_SECRET", "Founded", "found", "mac_place", "make_key", "signing_row"]

MAC_SECRET = "row-tags"  # noqa: S105 - the name of a row, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """A new scope: its origin (the log's name in checkpoints) and the log's public key, to be pinned by verifiers."""

    origin: str
    issuer: str
    log_public_der: bytes


def make_key(context: Context, *, algorithm: str, purpose: KeyPurpose, state: KeyState) -> Flow[KeyRecord]:
    """A fresh, checked and sealed key pair as the record of a row at version 1."""
    generated: GeneratedKey = yield GenerateKey(algorithm)
    check_generated(algorithm=algorithm, generated=generated)
    now_us: int = yield Now()
    kid = thumbprint(load_public(algorithm, generated.public_der))
    sealed: bytes = yield Seal(private_place(context.scope, kid), generated.private_der)
    return new_record(
        algorithm=algorithm, purpose=purpose, public_der=generated.public_der, sealed_private=sealed, now_us=now_us,
        state=state,
    )  # fmt: skip


def signing_row(context: Context, record: KeyRecord) -> Row:
    """The row of a key record; the key `purpose:kid` lets a store hold "one ACTIVE key per purpose"."""
    key = f"{record.purpose}:{record.kid}"
    return context.mac.seal_row(context.scope, "signing_key", key, record.version, record.state.value, record.to_body())


def mac_place(scope: Scope) -> Place:
    """Where the row-tag key of a scope is sealed."""
    return Place(scope=scope, kind="secret", key=MAC_SECRET, version=1, field="key")


def found(
    context: Context, *, origin: str, issuer: str, secret: bytes, algorithm: str = "RS256", slot: int | None = None
) -> Flow[Founded]:
    """Open the log of an empty scope. `secret` is the row-tag key that `context.mac` was made from; it is stored sealed.
    `algorithm`: of its token key, one of `keys.jwks.ALGORITHMS`.

    `slot`: the log's place in every epoch, for as long as it lives. Raises UnitRefusedError `scope_exists`.
    """
    sealed_mac: bytes = yield Seal(mac_place(context.scope), secret)
    token_key = yield from make_key(context, algorithm=algorithm, purpose="token", state=KeyState.ACTIVE)
    log_key = yield from make_key(context, algorithm="Ed25519", purpose="log", state=KeyState.ACTIVE)
    now_us: int = yield Now()
    salts = ((yield Random(16)), (yield Random(16)))

    def decide_unit(view: UnitView) -> Changes:
        if view.head is not None:
            raise UnitRefusedError("scope_exists", "this tenant and environment has a log already")
        head = genesis_head(origin=origin, issuer=issuer, generation=1)
        drafts = (
            Draft(
                kind=EventKind.LOG_GENESIS,
                body={
                    "origin": origin, "issuer": issuer, "log_key": b64url(log_key.public_der), "hash": "sha256",
                    **({} if slot is None else {"slot": slot}),
                },
                salt=salts[0],
            ),
            Draft(
                kind=EventKind.TENANT_CREATED,
                body={
                    "tenant": context.scope.tenant, "environment": context.scope.environment,
                    "token_kid": token_key.kid, "token_key": b64url(token_key.public_der), "token_alg": algorithm,
                },
                salt=salts[1],
            ),
        )  # fmt: skip
        log, records = append_at(context, head, drafts, now_us=now_us)
        secret = context.mac.seal_row(context.scope, "secret", MAC_SECRET, 1, "SEALED", sealed_mac)
        rows = (Write(secret, 0), Write(signing_row(context, token_key), 0), Write(signing_row(context, log_key), 0))
        writes = (*rows, first_guards(context, rows))
        return Changes(head=next_head(context, None, replace(log, guards=1)), writes=writes, records=records)

    yield Commit(Unit(context.scope, decide_unit))
    return Founded(origin=origin, issuer=issuer, log_public_der=log_key.public_der)
