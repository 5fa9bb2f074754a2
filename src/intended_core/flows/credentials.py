"""Credentials of adapters that run elsewhere: made, read, and withdrawn before they end.

A credential is a bearer secret of one adapter: it redeems tokens of its audience in its scope and does nothing else; above all it
submits no intent. It is a tag under the scope's own key over what it says, so that nothing is kept for it; it ends by its expiry, or
when a person withdraws it. A withdrawal is a unit that bumps the guards: no redemption that had not seen it commits after it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.log import LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, pack, parse_canonical, unb64url
from intended_core.errors import AdapterError, IntentError, TokenError
from intended_core.flows.cache import ScopeState
from intended_core.flows.credentialrows import Withdrawn, credential_key, withdrawal_digest
from intended_core.flows.effects import Context, Flow, LoadState, Now, Random, ReadRows
from intended_core.flows.halt import Signatures, stop
from intended_core.flows.haltrows import reason_text
from intended_core.ids import adapter_id
from intended_core.unit import Row

__all__ = [
    "MAX_CREDENTIAL_SECONDS",
    "Credential",
    "check_credential",
    "credential",
    "digest_to_withdraw",
    "list_withdrawn",
    "read_credential",
    "withdraw_credentials",
]

MAX_CREDENTIAL_SECONDS: Final = 90 * 24 * 3600  # a quarter: long enough to be rotated by schedule, short enough to end by itself
_FORM: Final = re.compile(r"adapter\.([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # 16 bytes in base64url
_KIND: Final = "adapter-credential"  # no row has this kind: the tag stands for nothing in the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a credential says, without the secret. `made_us`: microseconds; `end_s`: seconds; from then on it is worthless."""

    adapter: str
    identifier: str
    made_us: int
    end_s: int


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
            "aud": name, "env": scope.environment, "exp": now_us // 1_000_000 + life_seconds, "iat": now_us, "id": b64url(random),
            "tid": scope.uuid,
        }
    )  # fmt: skip
    return f"adapter.{b64url(said)}.{b64url(_tag(context, name, said))}"


def _tag(context: Context, audience: str, said: bytes) -> bytes:
    return context.mac.tag(context.scope, _KIND, audience, 1, "VALID", said)


def read_credential(context: Context, text: object) -> Credential:
    """What a credential of this scope says, ended or not; raises TokenError `token.credential` for everything else."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise TokenError("token.credential")
    try:
        said, tag = unb64url(found[1]), unb64url(found[2])
        value: Any = parse_canonical(said, max_bytes=1024)
        made = Credential(adapter=adapter_id(value["aud"]), identifier=value["id"], made_us=value["iat"], end_s=value["exp"])
    except (IntentError, KeyError, TypeError):
        raise TokenError("token.credential") from None
    # The tag binds scope and audience; id and times are believed only under it.
    if not hmac.compare_digest(_tag(context, made.adapter, said), tag):
        raise TokenError("token.credential")
    return made


def check_credential(state: ScopeState, shown: Credential) -> None:
    """Raise TokenError `token.withdrawn` when the credential is withdrawn at the guard version of `state`."""
    withdrawn = state.halts.credentials.get(shown.adapter)
    if withdrawn is not None and withdrawn.holds(shown.identifier, shown.made_us):
        raise TokenError("token.withdrawn")


def _identifier(text: str) -> str:
    if text and _ID.fullmatch(text) is None:
        raise IntentError("a credential's id is 22 base64url characters; leave it out to withdraw every credential so far", place="id")
    return text


def digest_to_withdraw(context: Context, adapter: str, identifier: str, reason: str) -> Flow[bytes]:
    """What a person signs (32 bytes) to withdraw the credential `identifier` of `adapter`, or with "" all that were made so far.

    It counts for the next withdrawal of this adapter's credentials and no other.
    """
    key = credential_key(adapter_id(adapter))
    found: Sequence[Row] = yield ReadRows(context.scope, (key,))
    version = context.mac.check(context.scope, found[0]).row.version if found else 0
    return withdrawal_digest(context.scope, adapter, _identifier(identifier), reason_text(reason), version + 1)


def withdraw_credentials(
    context: Context, adapter: str, *, identifier: str = "", end_s: int | None = None, reason: str, signatures: Signatures
) -> Flow[int]:
    """Withdraw one credential of `adapter`, or all that were made so far; returns the record's place in the log.

    One registered person who may revoke tokens signs `digest_to_withdraw`. `end_s`: when the credential would have ended; None for the
    longest that one can live. Raises KeyRingError, AccessDeniedError, IntentError, UnitRefusedError `too_many`, StoreError.
    """
    name, one, why = adapter_id(adapter), _identifier(identifier), reason_text(reason)

    def ask(head: LogHead, version: int, now_us: int) -> bytes:
        return withdrawal_digest(context.scope, name, one, why, version)

    def make(head: LogHead, row: Row | None, now_us: int) -> tuple[bytes, dict[str, Json]]:
        was = Withdrawn(adapter=name) if row is None else Withdrawn.from_row(row)
        now_s = now_us // 1_000_000
        until_s = now_s + MAX_CREDENTIAL_SECONDS if end_s is None else end_s
        # A clock that was set back may not leave out what was made before it was.
        made = was.one(one, end_s=until_s, now_s=now_s) if one else was.all_until(max(now_us, head.time_us))
        return made.to_body(), {"adapter": name, "id": one or None, "until_us": made.until_us, "reason": why}

    return (yield from stop(context, credential_key(name), signatures, kind=EventKind.CREDENTIAL_WITHDRAWN, ask=ask, make=make))


def list_withdrawn(context: Context) -> Flow[tuple[Withdrawn, ...]]:
    """What is withdrawn of each adapter, by its name."""
    state: ScopeState = yield LoadState(context.scope, True)
    return tuple(state.halts.credentials[name] for name in sorted(state.halts.credentials))
