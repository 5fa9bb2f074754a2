"""Redemption for adapters that run elsewhere: the authority's side of the host's transport.

Whoever asks shows the credential of one adapter (`flows.credentials`) and redeems at that audience, or not at all. The channel that
carries it (TLS, both ends known) is the host's.
"""

from __future__ import annotations

from typing import Any, Final

from intended_core.canonical import pack, parse_strict
from intended_core.errors import IntendedError, IntentError, TokenError
from intended_core.flows.attempts import attempt_id
from intended_core.flows.cache import ScopeState
from intended_core.flows.credentials import check_credential, read_credential
from intended_core.flows.effects import Context, Flow, LoadState, Now
from intended_core.flows.redeem import redeem
from intended_core.flows.refusals import count_unseen
from intended_core.intent import Call
from intended_core.lang.callwire import call_of_wire
from intended_core.tokens.register import MAX_REQUEST_BYTES, proof_of

__all__ = ["serve"]

_MEMBERS: Final = {"attempt", "call", "credential", "proof", "token", "v"}


def serve(context: Context, request: bytes) -> Flow[bytes]:
    """Answer one request of a `tokens.register.LedgerByCall`: redeem at the audience that its credential is bound to.

    Never raises for what a request can hold. The answer says `consumed` (with nonce and attempt), `refused`, or `unavailable`; not why.
    """
    attempt, adapter, begun = "", "", False
    try:
        value: Any = parse_strict(request, max_bytes=MAX_REQUEST_BYTES)
        if not isinstance(value, dict) or value.keys() != _MEMBERS or value["v"] != 0 or not isinstance(value["token"], str):
            raise TokenError("token.request")
        attempt = attempt_id(value["attempt"])
        now_us: int = yield Now()
        shown = read_credential(context, value["credential"])
        adapter = shown.adapter
        if now_us // 1_000_000 >= shown.end_s:
            raise TokenError("token.credential")
        proof, call = proof_of(value["proof"]), (yield from _call(context, value["call"]))
        begun = True  # from here on the redemption itself counts or records what it refuses
        redeemed = yield from redeem(
            context, value["token"], call, audience=shown.adapter, attempt=attempt, proof=proof,
            admit=lambda state: check_credential(state, shown),
        )  # fmt: skip
    except TokenError as error:
        if not begun or error.code == "token.withdrawn":
            yield from count_unseen(context, error.code, adapter=adapter)
        late = error.code.startswith("token.unavailable")
        return pack({"answer": "unavailable" if late else "refused", "attempt": attempt, "v": 0})
    except IntentError:
        yield from count_unseen(context, "token.request", adapter=adapter)
        return pack({"answer": "refused", "attempt": attempt, "v": 0})
    except IntendedError:
        return pack({"answer": "unavailable", "attempt": attempt, "v": 0})
    return pack({"answer": "consumed", "attempt": attempt, "jti": redeemed.claims.jti, "v": 0})


def _call(context: Context, wire: object) -> Flow[Call]:
    state: ScopeState = yield LoadState(context.scope)
    if state.policy is None or not isinstance(wire, str):
        raise TokenError("token.binding")
    return call_of_wire(state.policy.schema, wire.encode("utf-8"))
