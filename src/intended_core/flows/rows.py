"""Codecs of the rows that flows keep: entities, persons, nonces, approvals. Canonical JSON in, typed values out, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from intended_core.access.roles import checked_roles
from intended_core.canonical import Json, b64url, canonical_json, pack, parse_canonical, unb64url
from intended_core.entities import Entity
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.ids import EntityRef
from intended_core.outcome import ApprovalRequirement
from intended_core.persons import Person
from intended_core.unit import Row

__all__ = [
    "ApprovalRow",
    "GivenApproval",
    "NonceRow",
    "alternatives_json",
    "decode_entity",
    "decode_person",
    "encode_entity",
    "encode_person",
    "entity_key",
    "plain",
    "references_of",
    "unplain",
]

MAX_ENTITY_BYTES: Final = 256 * 1024  # an entity with a few full sets of labels
_BEFORE_ATTEMPT: Final = b'{"attempt":"'
MAX_ROW_BYTES: Final = 1024 * 1024  # an approval carries the whole intent


def entity_key(ref: EntityRef) -> str:
    """The row key of an entity: its written form."""
    return str(ref)


def plain(value: object, place: str) -> Json:
    """Attribute data as JSON: entity references become `{"__entity": {type, id}}`. Floats and unknown kinds raise IntentError."""
    if isinstance(value, EntityRef):
        return {"__entity": {"type": value.type, "id": value.id}}
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{place}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, place) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item, place) for item in value), key=lambda item: canonical_json(item))
    raise IntentError(f"{type(value).__name__} is not a value of an entity (a Decimal is a string)", place=place)


def unplain(value: Json) -> object:
    """The inverse of `plain`."""
    if isinstance(value, dict):
        ref = value.get("__entity")
        if isinstance(ref, dict) and len(value) == 1:
            return EntityRef(str(ref["type"]), str(ref["id"]))
        return {name: unplain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unplain(item) for item in value]
    return value


def encode_entity(entity: Entity) -> bytes:
    """The body of an entity's row."""
    return canonical_json(
        {
            "type": entity.ref.type,
            "id": entity.ref.id,
            "parents": [[parent.type, parent.id] for parent in sorted(entity.parents)],
            "attributes": plain(dict(entity.attributes), str(entity.ref)),
        }
    )


def _body(row: Row, limit: int = MAX_ROW_BYTES) -> dict[str, Any]:
    try:
        data = parse_canonical(row.body, max_bytes=limit)
    except IntentError:
        raise StoreCorruptError(f"a {row.kind} row is damaged") from None
    if not isinstance(data, dict):
        raise StoreCorruptError(f"a {row.kind} row is damaged")
    return data


def decode_entity(row: Row) -> Entity:
    """The entity of an authenticated row; raises StoreCorruptError."""
    data = _body(row, MAX_ENTITY_BYTES)
    try:
        ref = EntityRef(str(data["type"]), str(data["id"]))
        parents = frozenset(EntityRef(str(kind), str(name)) for kind, name in data["parents"])
        attributes = unplain(data["attributes"])
    except (KeyError, TypeError, ValueError, IntentError):
        raise StoreCorruptError("an entity row is damaged") from None
    if entity_key(ref) != row.key or not isinstance(attributes, dict):
        raise StoreCorruptError("an entity row is damaged")
    return Entity(ref=ref, parents=parents, attributes=attributes)


def references_of(entity: Entity) -> set[EntityRef]:
    """Every entity that this one names: parents, and references anywhere in its attributes."""
    found = set(entity.parents)
    pending: list[object] = list(entity.attributes.values())
    while pending:
        value = pending.pop()
        if isinstance(value, EntityRef):
            found.add(value)
        elif isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            pending.extend(value)
    return found


def encode_person(person: Person) -> bytes:
    """The body of a person's row."""
    return canonical_json(
        {
            "type": person.ref.type, "id": person.ref.id, "key": b64url(person.public_key), "roles": sorted(person.roles),
        }
    )  # fmt: skip


def decode_person(row: Row) -> Person:
    """The person of an authenticated row; raises StoreCorruptError."""
    data = _body(row)
    try:
        person = Person(
            ref=EntityRef(str(data["type"]), str(data["id"])), public_key=unb64url(str(data["key"])),
            roles=checked_roles([str(name) for name in data["roles"]]),
        )  # fmt: skip
    except (KeyError, TypeError, IntentError):
        raise StoreCorruptError("a person row is damaged") from None
    if entity_key(person.ref) != row.key or len(person.public_key) != 32:
        raise StoreCorruptError("a person row is damaged")
    return person


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceRow:
    """A nonce in the ledger. `claims`: SHA-256 of the token's canonical claims. `attempt`: who consumed it, "" while ISSUED."""

    claims: bytes
    audience: str
    expires_s: int
    generation: int
    seq: int
    attempt: str = ""

    @staticmethod
    def body(*, claims: bytes, audience: str, expires_s: int, generation: int, seq: int, attempt: str = "") -> bytes:
        """Canonical bytes for the row of such a nonce."""
        # members in their order
        return orjson.dumps(
            {
                "attempt": attempt, "aud": audience, "claims": b64url(claims), "exp": expires_s, "g": generation, "seq": seq,
            }
        )  # fmt: skip

    @staticmethod
    def spent(issued: bytes, attempt: str) -> bytes:
        """Canonical bytes for the row `issued`, which `body` made without an attempt, once `attempt` (base64url) has consumed it."""
        return b"%b%b%b" % (_BEFORE_ATTEMPT, attempt.encode("ascii"), issued[len(_BEFORE_ATTEMPT) :])

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return self.body(
            claims=self.claims, audience=self.audience, expires_s=self.expires_s, generation=self.generation, seq=self.seq,
            attempt=self.attempt,
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row) -> NonceRow:
        """The nonce of an authenticated row; raises StoreCorruptError."""
        data = _body(row)
        try:
            return cls(
                claims=unb64url(str(data["claims"])), audience=str(data["aud"]), expires_s=int(str(data["exp"])),
                generation=int(str(data["g"])), seq=int(str(data["seq"])), attempt=str(data["attempt"]),
            )  # fmt: skip
        except (KeyError, ValueError, IntentError):
            raise StoreCorruptError("a nonce row is damaged") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenApproval:
    """One person's signed approval, counted for the requirement `key`."""

    key: str
    person: EntityRef
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """An approval request: what was asked (`intent` is its wire form), of whom, under which policy, and who has approved."""

    digest: bytes
    intent: bytes
    ith: bytes
    policy: bytes
    bound: bytes
    audience: str
    alternatives: tuple[tuple[ApprovalRequirement, ...], ...]
    given: tuple[GivenApproval, ...]
    created_us: int
    expires_us: int
    seq: int
    steps: int
    generation: int

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return pack(
            {
                "digest": b64url(self.digest),
                "intent": self.intent.decode("utf-8"),
                "ith": b64url(self.ith),
                "policy": b64url(self.policy),
                "bound": b64url(self.bound),
                "aud": self.audience,
                "alternatives": alternatives_json(self.alternatives),
                "given": [[g.key, g.person.type, g.person.id, b64url(g.signature)] for g in self.given],
                "created": self.created_us,
                "expires": self.expires_us,
                "seq": self.seq,
                "steps": self.steps,
                "g": self.generation,
            }
        )

    @classmethod
    def from_row(cls, row: Row) -> ApprovalRow:
        """The request of an authenticated row; raises StoreCorruptError."""
        data = _body(row)
        try:
            alternatives = tuple(
                tuple(_requirement(item) for item in alternative) for alternative in data["alternatives"]
            )
            given = tuple(
                GivenApproval(key=str(key), person=EntityRef(str(kind), str(name)), signature=unb64url(str(signature)))
                for key, kind, name, signature in data["given"]
            )
            return cls(
                digest=unb64url(str(data["digest"])), intent=str(data["intent"]).encode("utf-8"),
                ith=unb64url(str(data["ith"])), policy=unb64url(str(data["policy"])), bound=unb64url(str(data["bound"])),
                audience=str(data["aud"]),
                alternatives=alternatives, given=given, created_us=int(str(data["created"])),
                expires_us=int(str(data["expires"])), seq=int(str(data["seq"])), steps=int(str(data["steps"])),
                generation=int(str(data["g"])),
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, IntentError):
            raise StoreCorruptError("an approval row is damaged") from None


def alternatives_json(alternatives: tuple[tuple[ApprovalRequirement, ...], ...]) -> Json:
    """The requirements as JSON, in the order the engine gave them."""
    return [
        [
            {
                "key": item.key, "rule": item.rule, "group": [item.group.type, item.group.id], "quorum": item.quorum,
                "exclude": [[ref.type, ref.id] for ref in sorted(item.exclude)], "expires_ms": item.expires_ms,
            }
            for item in alternative
        ]
        for alternative in alternatives
    ]  # fmt: skip


def _requirement(data: Any) -> ApprovalRequirement:
    kind, name = data["group"]
    return ApprovalRequirement(
        key=str(data["key"]),
        rule=str(data["rule"]),
        group=EntityRef(str(kind), str(name)),
        quorum=int(str(data["quorum"])),
        exclude=frozenset(EntityRef(str(k), str(n)) for k, n in data["exclude"]),
        expires_ms=int(str(data["expires_ms"])),
    )
