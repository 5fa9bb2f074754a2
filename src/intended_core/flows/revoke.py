"""revoke: one token, or every token of a principal that was issued so far.

One token is one transition of its nonce, ISSUED → REVOKED, in its life in the log. A principal gets a cut-off: the place in the log before
which its tokens count no more, wherever it stands in their chains; it may be given new ones. What was signed for that has an end: kept
back, it would cut off tokens that nobody had thought of when it was signed. What a revoked token holds in reserve goes back to its meters
when it could no longer be redeemed anyway (`sweep`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from intended_core.access.statement import Statement, check_end
from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import Json, b64url, digest
from intended_core.errors import TokenError, UnitRefusedError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, ReadHead, ReadRows
from intended_core.flows.halt import Signatures, person_keys, signed_under_lock, signers_json, stop
from intended_core.flows.haltrows import Cutoff, cutoff_key, reason_text
from intended_core.flows.roster import GUARD_ROSTER
from intended_core.flows.rows import NonceRow
from intended_core.flows.steps import authentic, close_unit, open_head, thread_commitment
from intended_core.ids import EntityRef, Scope
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from intended_core.unit import Changes, Head, Row, RowKey, Unit, UnitView, Write

__all__ = ["jti_of", "revocation_digest", "revocation_statement", "revoke_principal", "revoke_token"]

DEFAULT_US: Final = 3_600_000_000  # an hour: time to fetch a signature that is made on another machine
_JTI: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")


def revocation_digest(scope: Scope, what: Literal["token", "principal"], name: str, reason: str, *, version: int = 1) -> bytes:
    """What a person signs (32 bytes) to revoke the token with this jti, or every token so far of this principal (its written form).

    `version`: of the row that it makes, so that it counts once. A token is revoked once in its life; a principal's row is made anew.
    """
    return digest(
        "intended.revocation/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"), what.encode("ascii"),
        name.encode("utf-8"), reason_text(reason).encode("utf-8"), version.to_bytes(8, "big"),
    )  # fmt: skip


def revocation_statement(
    context: Context, principal: EntityRef, reason: str, *, expires_us: int | None = None
) -> Flow[Statement]:
    """What a person signs now to revoke every token so far of `principal`; its digest is signed.

    `expires_us`: from when on it counts no more, at most a day from now; None: an hour from now, or from the newest record where that
    stands later, as it does once a clock was set back.
    """
    now_us: int = yield Now()
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    head = context.heads.read(context.mac, context.scope, stored)
    found: Sequence[Row] = yield ReadRows(context.scope, (cutoff_key(principal),))
    version = context.mac.check(context.scope, found[0]).row.version if found else 0
    end_us = max(now_us, head.time_us) + DEFAULT_US if expires_us is None else expires_us
    return _statement(context.scope, head.generation, principal, reason_text(reason), version + 1, end_us)


def _statement(scope: Scope, generation: int, principal: EntityRef, reason: str, version: int, expires_us: int) -> Statement:
    subject = revocation_digest(scope, "principal", str(principal), reason, version=version)
    return Statement(scope=scope, purpose="token.revoke", generation=generation, subject=subject, expires_us=expires_us)


def jti_of(context: Context, token: str | bytes) -> Flow[str]:
    """The jti of a token of this scope, which this authority signed; expired or not. Raises TokenError."""
    state: ScopeState = yield LoadState(context.scope, True)
    now_us: int = yield Now()
    claims = inspect(parse(token), find_key=state.ring.find, now_s=now_us // 1_000_000).claims
    if (claims.tid, claims.env) != (context.scope.uuid, context.scope.environment):
        raise TokenError("token.scope")
    return claims.jti


def revoke_token(context: Context, jti: str, *, reason: str, signatures: Signatures) -> Flow[int]:
    """Revoke the token with this jti; returns the record's place in the log. One registered person signs `revocation_digest`.

    Raises KeyRingError, IntentError, and UnitRefusedError `nonce_state` when it is spent, expired or revoked already, `nonce_unknown`.
    """
    if _JTI.fullmatch(jti) is None:
        raise UnitRefusedError("nonce_unknown", "a jti is 22 to 64 base64url characters, as the token says it")
    why = reason_text(reason)
    asked = revocation_digest(context.scope, "token", jti, why)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    key = RowKey("nonce", jti)
    commitment = thread_commitment("token", jti)
    thread = b64url(commitment)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True)
        signers = signed_under_lock(context, view, head, signatures, digest=asked, quorum=1, permission="token.revoke")
        row = authentic(context, view, key, once=True)
        if row is None:
            raise UnitRefusedError("nonce_unknown", "no token with this jti was issued here")
        issued = NonceRow.from_row(row)
        if row.state != "ISSUED" or len(view.threads.get(thread, ())) != 1:
            raise UnitRefusedError("nonce_state", f"the token is {row.state.lower()} already")
        body: dict[str, Json] = {"cause": "token", "reason": why, "digest": b64url(asked), "persons": signers_json(view, signers)}
        draft = Draft(
            kind=EventKind.TOKEN_REVOKED, body=body, salt=salt, thread=Thread(commitment=commitment, n=1, previous=issued.seq)
        )
        revoked = context.mac.seal_row(context.scope, "nonce", jti, row.version + 1, "REVOKED", row.body)
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=(Write(revoked, row.version),), answer=head.size
        )

    reads = (key, GUARD_ROSTER, *person_keys(signatures))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads, threads=(thread,), first=True), shielded=True)
    seq: int = committed.answer
    return seq


def revoke_principal(
    context: Context, principal: EntityRef, *, reason: str, expires_us: int, signatures: Signatures
) -> Flow[int]:
    """Revoke every token in whose chain `principal` stands and that was issued so far; returns the record's place in the log.

    One registered person signs the digest of `revocation_statement`, which counts until `expires_us`. Raises KeyRingError, IntentError,
    StoreError.
    """
    why = reason_text(reason)

    def ask(head: LogHead, version: int, now_us: int) -> bytes:
        statement = _statement(context.scope, head.generation, principal, why, version, expires_us)
        # The newest record's time counts where the clock stands before it: a clock that is set back brings nothing back to life.
        check_end(statement, now_us=max(now_us, head.time_us))
        return statement.digest()

    def make(head: LogHead, row: Row | None, now_us: int) -> tuple[bytes, dict[str, Json]]:
        told: dict[str, Json] = {
            "cause": "principal", "principal": [principal.type, principal.id], "before": head.size, "reason": why, "until_us": expires_us,
        }  # fmt: skip
        return Cutoff(principal=principal, seq=head.size).to_body(), told

    return (yield from stop(context, cutoff_key(principal), signatures, kind=EventKind.TOKEN_REVOKED, ask=ask, make=make))
