"""Redemption for adapters that run elsewhere: credentials that are bound to one audience, and the authority's side of the host's transport.

A credential is a bearer secret of one adapter: it redeems tokens of its audience in its scope and does nothing else; above all it
submits no intent. It is a tag under the scope's own key over what it says, so that nothing is kept for it; it ends by its expiry. The
channel that carries it (TLS, both ends known) is the host's.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, Final

from intended_core.canonical import b64url, pack, parse_canonical, parse_strict, unb64url
from intended_core.errors import AdapterError, IntendedError, IntentError, TokenError
from intended_core.flows.attempts import attempt_id
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, Now, Random
from intended_core.flows.redeem import redeem
from intended_core.flows.refusals import count_unseen
from intended_core.ids import adapter_id
from intended_core.intent import Call
from intended_core.lang.callwire import call_of_wire
from intended_core.tokens.register import MAX_REQUEST_BYTES, proof_of

__all__ = ["MAX_CREDENTIAL_SECONDS", "credential", "serve"]

MAX_CREDENTIAL_SECONDS: Final = 90 * 24 * 3600  # a quarter: long enough to be rotated by schedule, short enough to end by itself
_FORM: Final = re.compile(r"adapter\.([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})")
_KIND: Final = "adapter-credential"  # no row has this kind: the tag stands for nothing in the store
_MEMBERS: Final = {"attempt", "call", "credential", "proof", "token", "v"}


def credential(context: Context, audience: str, *, life_seconds: int) -> Flow[str]:
    """A fresh credential of the adapter `audience`, for at most 90 days. Raises IntentError, AdapterError."""
    name = adapter_id(audience)
    if type(life_seconds) is not int or not 60 <= life_seconds <= MAX_CREDENTIAL_SECONDS:
        raise AdapterError("an adapter credential lives for a minute to 90 days")
    now_us: int = yield Now()
    random: bytes = yield Random(16)
    scope = context.scope
    said = pack(
        {
            "aud": name, "env": scope.environment, "exp": now_us // 1_000_000 + life_seconds, "id": b64url(random),
            "tid": scope.uuid,
        }
    )  # fmt: skip
    return f"adapter.{b64url(said)}.{b64url(_tag(context, name, said))}"


def _tag(context: Context, audience: str, said: bytes) -> bytes:
    return context.mac.tag(context.scope, _KIND, audience, 1, "VALID", said)


def _audience(context: Context, text: object, now_s: int) -> str:
    """The audience of a credential of this scope that is still good; raises TokenError."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise TokenError("token.credential")
    try:
        said, tag = unb64url(found[1]), unb64url(found[2])
        value: Any = parse_canonical(said, max_bytes=1024)
        audience, end = adapter_id(value["aud"]), value["exp"]
    except (IntentError, KeyError, TypeError):
        raise TokenError("token.credential") from None
    # The tag binds scope and audience; the times are believed only under it.
    if not hmac.compare_digest(_tag(context, audience, said), tag) or type(end) is not int or now_s >= end:
        raise TokenError("token.credential")
    return audience


def serve(context: Context, request: bytes) -> Flow[bytes]:
    """Answer one request of a `tokens.register.LedgerByCall`: redeem at the audience that its credential is bound to.

    Never raises for what a request can hold. The answer says `consumed` (with nonce and attempt), `refused`, or `unavailable`; not why.
    """
    attempt, begun = "", False
    try:
        value: Any = parse_strict(request, max_bytes=MAX_REQUEST_BYTES)
        if not isinstance(value, dict) or value.keys() != _MEMBERS or value["v"] != 0 or not isinstance(value["token"], str):
            raise TokenError("token.request")
        attempt = attempt_id(value["attempt"])
        now_us: int = yield Now()
        audience = _audience(context, value["credential"], now_us // 1_000_000)
        proof, call = proof_of(value["proof"]), (yield from _call(context, value["call"]))
        begun = True  # from here on the redemption itself counts or records what it refuses
        redeemed = yield from redeem(context, value["token"], call, audience=audience, attempt=attempt, proof=proof)
    except TokenError as error:
        if not begun:
            yield from count_unseen(context, error.code)
        late = error.code.startswith("token.unavailable")
        return pack({"answer": "unavailable" if late else "refused", "attempt": attempt, "v": 0})
    except IntentError:
        yield from count_unseen(context, "token.request")
        return pack({"answer": "refused", "attempt": attempt, "v": 0})
    except IntendedError:
        return pack({"answer": "unavailable", "attempt": attempt, "v": 0})
    return pack({"answer": "consumed", "attempt": attempt, "jti": redeemed.claims.jti, "v": 0})


def _call(context: Context, wire: object) -> Flow[Call]:
    state: ScopeState = yield LoadState(context.scope)
    if state.policy is None or not isinstance(wire, str):
        raise TokenError("token.binding")
    return call_of_wire(state.policy.checked.schema, wire.encode("utf-8"))
