"""What the keys of a planned change sign: the old key vouches for the new one, and the new one shows that its private half is there.

The two signatures stand in the change's record, so that whoever trusts one key of a tenant can follow the log to the next one without
trusting the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from intended_core.canonical import Json, digest, frame, unb64url
from intended_core.errors import IntentError, KeyRingError
from intended_core.ids import Scope
from intended_core.keys.jwks import PublicKey, thumbprint

__all__ = ["Step", "compromise_digest", "transition_message", "verify_transition"]

Step = Literal["generated", "rotated"]

_LABEL: Final = b"intended.key-transition/v1"
_COMPROMISE: Final = "intended.key-compromised/v1"


def transition_message(scope: Scope, step: Step, *, old: str, new: str, at_us: int) -> bytes:
    """The labelled bytes that both keys sign. `old`, `new`: kids (RFC 7638 thumbprints, which name the keys' bytes). `at_us`: when."""
    texts = (scope.uuid, scope.environment, step, old, new, str(at_us))
    return frame(_LABEL, *(text.encode("ascii") for text in texts))


def verify_transition(scope: Scope, step: Step, body: Mapping[str, Json], *, old: PublicKey, new: PublicKey) -> None:
    """Return when a record's body carries both keys' signatures over this step; raise KeyRingError otherwise."""
    at_us, signed = body.get("at_us"), body.get("signed")
    if type(at_us) is not int or not isinstance(signed, dict):
        raise KeyRingError("the record of a key's change carries no signatures")
    message = transition_message(scope, step, old=thumbprint(old), new=thumbprint(new), at_us=at_us)
    for name, key in (("old", old), ("new", new)):
        signature = signed.get(name)
        try:
            raw = unb64url(signature) if isinstance(signature, str) else b""
        except IntentError:
            raw = b""
        key.verify(raw, message)


def compromise_digest(scope: Scope, kid: str) -> bytes:
    """What two persons sign (32 bytes) so that `kid` is COMPROMISED: this key, in this tenant and environment, for good."""
    return digest(_COMPROMISE, *(text.encode("ascii") for text in (scope.uuid, scope.environment, kid)))
