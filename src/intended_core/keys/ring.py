"""A tenant's keys: what each record says, and which state may follow which.

States: PRE_ACTIVE (published, does not sign) -> ACTIVE -> PREVIOUS (verifies until its retire time) -> RETIRED; COMPROMISED is refused at
once; a PRE_ACTIVE key that is not wanted any more is RETIRED. Leaving ACTIVE destroys the sealed private key and keeps the public one.
There is at most one ACTIVE key per purpose. A private key is sealed once, when its record is first written, so its place always names row
version 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntentError, KeyRingError
from intended_core.ids import Scope
from intended_core.keys.jwks import ALGORITHMS, PublicKey, jwk_set, load_public, thumbprint
from intended_core.keys.sealing import Place
from intended_core.ports import GeneratedKey

__all__ = [
    "PRIVATE_FIELD",
    "PURPOSES",
    "KeyPurpose",
    "KeyRecord",
    "KeyRing",
    "KeyState",
    "activate",
    "check_generated",
    "compromise",
    "demote",
    "new_record",
    "private_place",
    "retire",
    "withdraw",
]

KeyPurpose = Literal["token", "log"]
PURPOSES: Final[tuple[KeyPurpose, ...]] = ("token", "log")
ROW_KIND: Final = "signing_key"
PRIVATE_FIELD: Final = "private"
MAX_BODY_BYTES: Final = 16 * 1024  # a sealed RSA-2048 private key has about 2 KiB
_MEMBERS: Final = frozenset(
    {"v", "kid", "alg", "purpose", "state", "public", "sealed", "created_us", "changed_us", "retire_us"}
)
_FORMAT: Final = 0
_MAX_US: Final = 2**53 - 1  # RFC 7493


class KeyState(StrEnum):
    """The life of a key (authority.md § 3)."""

    PRE_ACTIVE = "PRE_ACTIVE"
    ACTIVE = "ACTIVE"
    PREVIOUS = "PREVIOUS"
    RETIRED = "RETIRED"
    COMPROMISED = "COMPROMISED"


_NEXT: Final[dict[KeyState, frozenset[KeyState]]] = {
    KeyState.PRE_ACTIVE: frozenset({KeyState.ACTIVE, KeyState.RETIRED, KeyState.COMPROMISED}),
    KeyState.ACTIVE: frozenset({KeyState.PREVIOUS, KeyState.COMPROMISED}),
    KeyState.PREVIOUS: frozenset({KeyState.RETIRED, KeyState.COMPROMISED}),
    KeyState.RETIRED: frozenset({KeyState.COMPROMISED}),
    KeyState.COMPROMISED: frozenset(),
}
_HAS_PRIVATE: Final = frozenset({KeyState.PRE_ACTIVE, KeyState.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key of a scope. `kid`: its RFC 7638 thumbprint. `sealed_private`: only while PRE_ACTIVE or ACTIVE. `version`:
    of its row.

    `created_us`, `changed_us`: microseconds UTC. `retire_us`: when a PREVIOUS key stops verifying; None before that.
    Raises KeyRingError when the members contradict each other.
    """

    kid: str
    algorithm: str
    purpose: KeyPurpose
    state: KeyState
    public_der: bytes
    sealed_private: bytes | None
    created_us: int
    changed_us: int
    retire_us: int | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if self.purpose not in PURPOSES or self.algorithm not in ALGORITHMS or not isinstance(self.state, KeyState):
            raise KeyRingError("a key record names an unknown purpose, algorithm or state")
        if self.kid != thumbprint(self.public_key()):
            raise KeyRingError("a key record's kid is not the thumbprint of its public key")
        if (self.sealed_private is not None) != (self.state in _HAS_PRIVATE):
            raise KeyRingError("a key record holds a private key exactly while it is PRE_ACTIVE or ACTIVE")
        if (self.state in (KeyState.PREVIOUS, KeyState.RETIRED)) and self.retire_us is None:
            raise KeyRingError("a PREVIOUS or RETIRED key has a retire time")
        if self.state in _HAS_PRIVATE and self.retire_us is not None:
            raise KeyRingError("a key has a retire time only once it stopped signing")
        times = (self.created_us, self.changed_us, *(() if self.retire_us is None else (self.retire_us,)))
        if (
            any(type(time) is not int or not 0 <= time <= _MAX_US for time in times)
            or self.changed_us < self.created_us
        ):
            raise KeyRingError("a key record's times are microseconds since 1970 in their order")
        if type(self.version) is not int or self.version < 1:
            raise KeyRingError("a key record's version counts from 1")

    def __repr__(self) -> str:
        return (
            f"KeyRecord(kid={self.kid!r}, {self.algorithm}, {self.purpose}, {self.state.value}, version={self.version})"
        )

    def public_key(self) -> PublicKey:
        """The checked public key (cached by its bytes)."""
        return load_public(self.algorithm, self.public_der)

    def verifies_at(self, now_us: int) -> bool:
        """Whether a signature by this key may still count: ACTIVE, or PREVIOUS strictly before its retire time."""
        if self.state is KeyState.ACTIVE:
            return True
        return self.state is KeyState.PREVIOUS and self.retire_us is not None and now_us < self.retire_us

    def to_body(self) -> bytes:
        """Canonical JSON for the record's row; the row's `state` is `state.value`."""
        body: dict[str, Json] = {
            "v": _FORMAT,
            "kid": self.kid,
            "alg": self.algorithm,
            "purpose": self.purpose,
            "state": self.state.value,
            "public": b64url(self.public_der),
            "sealed": None if self.sealed_private is None else b64url(self.sealed_private),
            "created_us": self.created_us,
            "changed_us": self.changed_us,
            "retire_us": self.retire_us,
        }
        return canonical_json(body)

    @staticmethod
    def from_body(body: bytes, *, version: int = 1) -> KeyRecord:
        """The record in a row's body, at that row's version; raises KeyRingError unless it is exactly what `to_body`
        writes.
        """
        return _decode(body, version)


@lru_cache(maxsize=1024)
def _decode(body: bytes, version: int) -> KeyRecord:
    try:
        value = parse_canonical(body, max_bytes=MAX_BODY_BYTES)
        if (
            not isinstance(value, dict)
            or value.keys() != _MEMBERS
            or type(value["v"]) is not int
            or value["v"] != _FORMAT
        ):
            raise KeyRingError("a key record has unknown or missing members")
        sealed = value["sealed"]
        return KeyRecord(
            kid=_text(value["kid"]),
            algorithm=_text(value["alg"]),
            purpose=_purpose(_text(value["purpose"])),
            state=KeyState(_text(value["state"])),
            public_der=unb64url(_text(value["public"])),
            sealed_private=None if sealed is None else unb64url(_text(sealed)),
            created_us=_time(value["created_us"]),
            changed_us=_time(value["changed_us"]),
            retire_us=None if value["retire_us"] is None else _time(value["retire_us"]),
            version=version,
        )
    except (IntentError, ValueError):
        raise KeyRingError("a key record is not readable") from None


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise KeyRingError("a key record is not readable")
    return value


def _time(value: Json) -> int:
    if type(value) is not int:
        raise KeyRingError("a key record is not readable")
    return value


def _purpose(text: str) -> KeyPurpose:
    if text == "token":
        return "token"
    if text == "log":
        return "log"
    raise KeyRingError("a key record names an unknown purpose")


def check_generated(*, algorithm: str, generated: GeneratedKey) -> PublicKey:
    """The public key of a fresh pair after the full check of the private one (RSA: primes and exponents); raises
    KeyRingError.
    """
    public = load_public(algorithm, generated.public_der)
    try:
        private = load_der_private_key(generated.private_der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRingError("a generated private key is not sound") from None
    if private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public.der:
        raise KeyRingError("a generated private key does not belong to its public key")
    return public


def private_place(scope: Scope, kid: str) -> Place:
    """Where the private key of `kid` is sealed."""
    return Place(scope=scope, kind=ROW_KIND, key=kid, version=1, field=PRIVATE_FIELD)


def new_record(
    *, algorithm: str, purpose: KeyPurpose, public_der: bytes, sealed_private: bytes, now_us: int,
    state: KeyState = KeyState.PRE_ACTIVE,
) -> KeyRecord:  # fmt: skip
    """The first record of a fresh key, PRE_ACTIVE or (where nothing has signed yet) ACTIVE, for a row of version 1."""
    if state not in _HAS_PRIVATE:
        raise KeyRingError("a new key is PRE_ACTIVE or ACTIVE")
    return KeyRecord(
        kid=thumbprint(load_public(algorithm, public_der)), algorithm=algorithm, purpose=purpose, state=state,
        public_der=public_der, sealed_private=sealed_private, created_us=now_us, changed_us=now_us,
    )  # fmt: skip


def _move(record: KeyRecord, to: KeyState, now_us: int, retire_us: int | None) -> KeyRecord:
    if to not in _NEXT[record.state]:
        raise KeyRingError(f"a key that is {record.state.value} cannot become {to.value}")
    if now_us < record.changed_us:
        raise KeyRingError("a key cannot change before its last change: the clock was set back")
    sealed = record.sealed_private if to in _HAS_PRIVATE else None
    return replace(
        record, state=to, sealed_private=sealed, changed_us=now_us, retire_us=retire_us, version=record.version + 1
    )


def activate(record: KeyRecord, *, now_us: int) -> KeyRecord:
    """PRE_ACTIVE -> ACTIVE; raises KeyRingError from any other state."""
    return _move(record, KeyState.ACTIVE, now_us, None)


def demote(record: KeyRecord, *, now_us: int, retire_us: int) -> KeyRecord:
    """ACTIVE -> PREVIOUS: the sealed private key is gone from the result. `retire_us`: when it stops verifying, not
    before now.
    """
    if retire_us < now_us:
        raise KeyRingError("a key does not retire before it stops signing")
    return _move(record, KeyState.PREVIOUS, now_us, retire_us)


def retire(record: KeyRecord, *, now_us: int) -> KeyRecord:
    """PREVIOUS -> RETIRED, at or after its retire time."""
    if record.state is KeyState.PREVIOUS and record.retire_us is not None and now_us < record.retire_us:
        raise KeyRingError("a PREVIOUS key still verifies live tokens: it retires later")
    return _move(record, KeyState.RETIRED, now_us, record.retire_us)


def withdraw(record: KeyRecord, *, now_us: int) -> KeyRecord:
    """PRE_ACTIVE -> RETIRED: a key that was prepared and is not wanted any more; it never signed a token."""
    if record.state is not KeyState.PRE_ACTIVE:
        raise KeyRingError("only a key that has not signed yet is withdrawn")
    return _move(record, KeyState.RETIRED, now_us, now_us)


def compromise(record: KeyRecord, *, now_us: int) -> KeyRecord:
    """Any other state -> COMPROMISED: nothing that this key signed is honoured from now on."""
    return _move(record, KeyState.COMPROMISED, now_us, record.retire_us)


class KeyRing:
    """The key records of one scope; raises KeyRingError for a kid twice or two ACTIVE keys of a purpose."""

    __slots__ = ("_active", "_records")

    def __init__(self, records: Iterable[KeyRecord]) -> None:
        self._records: dict[str, KeyRecord] = {}
        self._active: dict[str, KeyRecord] = {}
        for record in records:
            if record.kid in self._records:
                raise KeyRingError("a key ring holds a kid twice")
            self._records[record.kid] = record
            if record.state is KeyState.ACTIVE:
                if record.purpose in self._active:
                    raise KeyRingError(f"a key ring holds two ACTIVE {record.purpose} keys")
                self._active[record.purpose] = record

    def __repr__(self) -> str:
        return f"KeyRing({len(self._records)} keys)"

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """Every record, by creation time and kid."""
        return tuple(sorted(self._records.values(), key=lambda record: (record.created_us, record.kid)))

    def active(self, purpose: KeyPurpose) -> KeyRecord:
        """The ACTIVE key of `purpose`; raises KeyRingError when there is none."""
        try:
            return self._active[purpose]
        except KeyError:
            raise KeyRingError(f"no {purpose} key is ACTIVE: rotate the keys of this tenant") from None

    def prepared(self, purpose: KeyPurpose) -> KeyRecord | None:
        """The PRE_ACTIVE key that becomes ACTIVE next: the one made last."""
        waiting = [one for one in self.records if one.purpose == purpose and one.state is KeyState.PRE_ACTIVE]
        return waiting[-1] if waiting else None

    def find(self, kid: str) -> KeyRecord | None:
        """The record of `kid`, whatever its state."""
        return self._records.get(kid)

    def jwks(self, purpose: KeyPurpose = "token") -> dict[str, list[dict[str, str | int]]]:
        """The public keys of `purpose` that are PRE_ACTIVE, ACTIVE or PREVIOUS, as a JWK Set; no private member."""
        shown = (KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.PREVIOUS)
        return jwk_set(
            (
                record.kid,
                record.public_key(),
                record.created_us // 1_000_000,
                None if record.retire_us is None else record.retire_us // 1_000_000,
            )
            for record in self.records
            if record.purpose == purpose and record.state in shown
        )
