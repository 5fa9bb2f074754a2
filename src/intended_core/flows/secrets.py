"""secrets: what an adapter needs to reach its system (a connector's credential, a provider's key, a prompt), sealed to its place.

An operator puts, lists and removes; nobody reads. A value is opened only for the redeemed token of exactly its adapter, while its act
runs, and the opening is a record before the value leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import AccessDeniedError, IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.again import standing_rows
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import (
    Commit,
    Context,
    Flow,
    LoadState,
    Now,
    Random,
    ReadHead,
    ReadRows,
    Seal,
    Unseal,
)
from intended_core.flows.roster import GUARD_ROSTER, guard_name, standing
from intended_core.flows.rotate import MAX_LOOKS, write_guards
from intended_core.flows.rows import NonceRow
from intended_core.flows.secretrows import SecretRow, secret_key, secret_place
from intended_core.flows.standing import check_standing
from intended_core.flows.steps import GUARDS_MOVED, authentic, close_unit, open_head, thread_commitment
from intended_core.flows.tenant import MAC_SECRET
from intended_core.keys.hidden import SecretBytes
from intended_core.keys.sealing import MAX_PLAINTEXT_BYTES
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.unit import Changes, Head, Row, RowKey, Unit, UnitView, Write

__all__ = ["SecretInfo", "list_secrets", "notifier_secret", "open_secret", "put_secret", "remove_secret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInfo:
    """What may be known of a secret: where it is, how often a value was put there, and when (microseconds)."""

    adapter: str
    name: str
    sealing: int
    created_us: int
    changed_us: int


def put_secret(context: Context, adapter: str, name: str, value: SecretBytes) -> Flow[int]:
    """Seal `value` as the secret `name` of `adapter`; one that is there is replaced and its bytes are gone.

    Returns the record's place in the log. Raises IntentError for a bad adapter, name or size (1 byte to 64 KiB).
    """
    key = secret_key(adapter, name)
    if not 0 < len(value) <= MAX_PLAINTEXT_BYTES:
        raise IntentError("a secret has 1 byte to 64 KiB", place="value")
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        row = yield from _row(context, key)
        now_us: int = yield Now()
        salt: bytes = yield Random(16)
        before = None if row is None else SecretRow.from_row(row)
        secret = SecretRow(
            adapter=adapter, name=name, sealing=1 if before is None else before.sealing + 1, sealed=b"",
            created_us=now_us if before is None else before.created_us, changed_us=now_us,
        )  # fmt: skip
        sealed: bytes = yield Seal(secret_place(context.scope, secret), value)
        write = _write(context, key, row, "STORED", replace(secret, sealed=sealed))
        body: dict[str, Json] = {"adapter": adapter, "name": name, "sealing": secret.sealing}
        draft = Draft(kind=EventKind.SECRET_STORED, body=body, salt=salt)
        try:
            return (yield from write_guards(context, state, [write], draft, now_us))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "keys and secrets kept changing; try again")


def remove_secret(context: Context, adapter: str, name: str) -> Flow[int]:
    """Remove a secret: the sealed bytes and their data key are gone from the store, its name and times stay.

    Returns the record's place in the log. Raises UnitRefusedError `secret_unknown`.
    """
    key = secret_key(adapter, name)
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        row = yield from _row(context, key)
        now_us: int = yield Now()
        salt: bytes = yield Random(16)
        if row is None or row.state != "STORED":
            raise _unknown()
        secret = replace(SecretRow.from_row(row), sealed=None, changed_us=now_us)
        write = _write(context, key, row, "REMOVED", secret)
        body: dict[str, Json] = {"adapter": adapter, "name": name, "sealing": secret.sealing}
        draft = Draft(kind=EventKind.SECRET_REMOVED, body=body, salt=salt)
        try:
            return (yield from write_guards(context, state, [write], draft, now_us, narrows=True))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "keys and secrets kept changing; try again")


def list_secrets(context: Context) -> Flow[tuple[SecretInfo, ...]]:
    """Every secret of the scope, by adapter and name, without its value. Raises StoreCorruptError when one was taken away or put back."""
    rows = yield from standing_rows(context, "secret", what="keys and secrets")
    secrets = [SecretRow.from_row(row) for row in rows if row.key != MAC_SECRET and row.state == "STORED"]
    return tuple(
        SecretInfo(
            adapter=one.adapter, name=one.name, sealing=one.sealing, created_us=one.created_us, changed_us=one.changed_us
        )
        for one in sorted(secrets, key=lambda one: (one.adapter, one.name))
    )  # fmt: skip


def open_secret(context: Context, redeemed: RedeemedToken, name: str) -> Flow[SecretBytes]:
    """The value of the secret `name` of the adapter that redeemed, recorded as `secret.opened` before it is unsealed.

    Raises AccessDeniedError for a token of another tenant, TokenError when it was halted or revoked meanwhile, UnitRefusedError
    `secret_unknown`, `act_attempt` (another attempt redeemed) or `act_completed` (the act is over).
    """
    if type(redeemed) is not RedeemedToken:
        raise AccessDeniedError("a secret is opened only for a redeemed token", outcome=None)
    claims = redeemed.claims
    if (claims.tid, claims.env) != (context.scope.uuid, context.scope.environment):
        raise AccessDeniedError("this token is of another tenant or environment", outcome=None)
    key = secret_key(claims.aud, name)
    for again in range(context.settings.state_retries + 1):
        state: ScopeState = yield LoadState(context.scope, again > 0)
        try:
            yield from check_standing(context, state, claims)
            row = yield from _recorded(context, state, redeemed, key)
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
        else:
            secret = SecretRow.from_row(row)
            value: SecretBytes = yield Unseal(secret_place(context.scope, secret), secret.sealed or b"")
            return value
    raise UnitRefusedError("conflict", "keys and secrets kept changing; try again")


def notifier_secret(context: Context, notifier: str, name: str) -> Flow[SecretBytes]:
    """The secret `name` of the notifier `notifier`, for the process that tells it. It is the engine's own, as signing keys are: no record.

    Raises IntentError for a bad name, UnitRefusedError `secret_unknown`, StoreCorruptError when it is not the one that stands.
    """
    key = secret_key(f"notifier:{notifier}", name)
    if not key.key.startswith("notifier:"):
        raise IntentError("a notifier's name is 1-40 lower-case letters, digits and hyphens", place="name")
    for _ in range(MAX_LOOKS):
        stored: Head | None = yield ReadHead(context.scope)
        rows: Sequence[Row] = yield ReadRows(context.scope, (key, GUARD_ROSTER))
        again: Head | None = yield ReadHead(context.scope)
        if stored is None or again is None:
            raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
        head = context.heads.read(context.mac, context.scope, stored)
        if context.heads.read(context.mac, context.scope, again).guards != head.guards:
            continue  # somebody changed a guard while it was read
        found = {(row.kind, row.key): context.mac.check(context.scope, row).row for row in rows}
        names = standing(found.get((GUARD_ROSTER.kind, GUARD_ROSTER.key)), head.guards)
        row = found.get((key.kind, key.key))
        if names.get(_guard(key), 0) != (0 if row is None else row.version):
            raise StoreCorruptError("a secret's row is not the one that stands: it was taken away or put back")
        if row is None or row.state != "STORED":
            raise UnitRefusedError("secret_unknown", f"the notifier {notifier} has no secret {name}")
        secret = SecretRow.from_row(row)
        value: SecretBytes = yield Unseal(secret_place(context.scope, secret), secret.sealed or b"")
        return value
    raise UnitRefusedError("conflict", "keys and secrets kept changing; try again")


def _recorded(context: Context, state: ScopeState, redeemed: RedeemedToken, key: RowKey) -> Flow[Row]:
    """Record the opening; the secret's row as it stands in that unit."""
    claims = redeemed.claims
    nonce = RowKey("nonce", claims.jti)
    thread = b64url(thread_commitment("token", claims.jti))
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        spent = authentic(context, view, nonce, once=True)
        if spent is None or spent.state != "CONSUMED" or NonceRow.from_row(spent).attempt != redeemed.attempt_id:
            raise UnitRefusedError("act_attempt", "this token was not redeemed by this attempt")
        lived = view.threads.get(thread, ())
        if len(lived) != 2 or lived[1].seq != redeemed.seq:
            raise UnitRefusedError("act_completed", "what became of this act was said already")
        row = authentic(context, view, key, once=True)
        names = standing(authentic(context, view, GUARD_ROSTER), head.guards)
        if names.get(_guard(key), 0) != (0 if row is None else row.version):
            raise StoreCorruptError("a secret's row is not the one that stands: it was taken away or put back")
        if row is None or row.state != "STORED":
            raise _unknown()
        secret = SecretRow.from_row(row)
        body: dict[str, Json] = {
            "adapter": secret.adapter, "name": secret.name, "sealing": secret.sealing, "token": thread,
            "attempt": redeemed.attempt_id,
        }  # fmt: skip
        draft = Draft(kind=EventKind.SECRET_OPENED, body=body, salt=salt, policy_digest=claims.pol)
        return close_unit(context, view, head, (draft,), now_us=now_us, answer=row)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(nonce, key, GUARD_ROSTER), threads=(thread,)))
    row: Row = committed.answer
    return row


def _row(context: Context, key: RowKey) -> Flow[Row | None]:
    """The row as it stands; that it is the one that the roster names is checked when it is replaced."""
    found: Sequence[Row] = yield ReadRows(context.scope, (key,))
    return context.mac.check(context.scope, found[0]).row if found else None


def _write(context: Context, key: RowKey, row: Row | None, state: str, secret: SecretRow) -> Write:
    version = 0 if row is None else row.version
    return Write(context.mac.seal_row(context.scope, key.kind, key.key, version + 1, state, secret.to_body()), version)


def _guard(key: RowKey) -> str:
    return guard_name(Row(key.kind, key.key, 1, "", b"", b"")) or ""


def _unknown() -> UnitRefusedError:
    return UnitRefusedError("secret_unknown", "this adapter has no secret of this name")
