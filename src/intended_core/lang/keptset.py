"""A checked set as bytes and back, in parts: a header that every opening reads, and one part per action, read when it is asked for.

Layout: the length of the header (4 bytes, little-endian), the header, the parts in the header's order; each is a value of
`lang.frozen_codec`. The header holds the schema and all that speaks of the whole set. A part holds the rules that speak of its action,
each with that action's body alone and its place among the rules of the set. Who reads has made sure of the bytes before
(`flows.policycache`): here only their form is checked, and what has another form is a FrozenError.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from intended_core.ids import EntityRef
from intended_core.lang import typed as t
from intended_core.lang.frozen_codec import FrozenError, decode, encode
from intended_core.lang.mentions import constants_of
from intended_core.lang.typed import CheckedPolicySet, Meter, ObligationType, Rule
from intended_core.lang.types import Schema
from intended_core.lang.zones import TZDATA_VERSION

__all__ = ["KeptSet", "pack"]

_LENGTH: Final = 4  # bytes
_NOT_KEPT: Final = "not a kept set"


def pack(checked: CheckedPolicySet) -> bytes:
    """All of a checked set but its sources, tests and warnings. FrozenError where it cannot be kept."""
    by_action: dict[str, list[tuple[int, Rule]]] = {}
    for at, rule in enumerate(checked.rules):
        for action, body in rule.bodies.items():
            alone = rule if len(rule.bodies) == 1 else replace(rule, bodies={action: body})
            by_action.setdefault(action, []).append((at, alone))
    parts = {action: encode(tuple(rules)) for action, rules in sorted(by_action.items())}
    header = encode((
        checked.schema, checked.meters, checked.obligations, checked.cost, checked.packs, checked.pack, checked.version,
        constants_of(checked.rules, checked.meters.values()), len(checked.rules),
        tuple((action, len(part)) for action, part in parts.items()),
    ))  # fmt: skip
    return b"".join((len(header).to_bytes(_LENGTH, "little"), header, *parts.values()))


class KeptSet:
    """A packed set, opened: its header, and its rules by action. Immutable to who uses it, and used by many threads at once.

    `digest`, `semantic`: the set's digests, 32 bytes each; `sources`: as in CheckedPolicySet. FrozenError unless the header is whole and
    the parts have the lengths that it says.
    """

    __slots__ = (
        "_checked", "_count", "_lock", "_parts", "_rest", "constants", "digest", "meters", "obligations", "schema", "semantic", "sources",
    )  # fmt: skip

    tzdata: Final = TZDATA_VERSION

    def __init__(self, data: bytes, *, digest: bytes, semantic: bytes, sources: tuple[tuple[str, str], ...]) -> None:
        view = memoryview(data)
        end = _LENGTH + int.from_bytes(view[:_LENGTH], "little")
        found = decode(bytes(view[_LENGTH:end]))
        if found.__class__ is not tuple or len(found) != 10:
            raise FrozenError(_NOT_KEPT)
        schema, meters, obligations, cost, packs, pack_name, version, constants, count, lengths = found
        if not _holds(schema, meters, obligations, constants) or type(count) is not int or type(lengths) is not tuple:
            raise FrozenError(_NOT_KEPT)
        self.schema: Schema = schema
        self.meters: Mapping[str, Meter] = meters
        self.obligations: Mapping[str, ObligationType] = obligations
        self.constants: frozenset[EntityRef] = constants
        self.digest, self.semantic, self.sources = digest, semantic, sources
        self._rest = (cost, packs, pack_name, version)
        self._count = count
        self._parts: dict[str, memoryview] = {}
        self._lock = threading.Lock()
        self._checked: CheckedPolicySet | None = None
        for item in lengths:
            if item.__class__ is not tuple or len(item) != 2 or item[0] not in schema.actions or item[0] in self._parts:
                raise FrozenError(_NOT_KEPT)
            action, length = item
            if type(length) is not int or not 0 < length <= len(view) - end:
                raise FrozenError(_NOT_KEPT)
            self._parts[action] = view[end : end + length]
            end += length
        if end != len(view):
            raise FrozenError(_NOT_KEPT)

    @property
    def actions(self) -> Iterable[str]:
        """The actions that rules speak of."""
        return self._parts.keys()

    def rules(self, action: str) -> Sequence[Rule]:
        """The rules that speak of `action`, in order of their ids, each with that action's body. FrozenError where they cannot be read."""
        return sorted((rule for _, rule in self._numbered(action)), key=lambda rule: rule.id)

    def _numbered(self, action: str) -> tuple[tuple[int, Rule], ...]:
        found = decode(bytes(self._parts[action]))
        if found.__class__ is not tuple:
            raise FrozenError(_NOT_KEPT)
        before = -1
        for item in found:
            if item.__class__ is not tuple or len(item) != 2 or type(item[0]) is not int or not before < item[0] < self._count:
                raise FrozenError(_NOT_KEPT)
            before, rule = item
            if rule.__class__ is not Rule or rule.bodies.keys() != {action} or rule.bodies[action].__class__ is not t.RuleBody:
                raise FrozenError(_NOT_KEPT)
        numbered: tuple[tuple[int, Rule], ...] = found
        return numbered

    def checked(self) -> CheckedPolicySet:
        """The whole set, without tests and warnings; read once. FrozenError where a part cannot be read."""
        with self._lock:
            if self._checked is None:
                self._checked = self._whole()
            return self._checked

    def _whole(self) -> CheckedPolicySet:
        found: list[Rule | None] = [None] * self._count
        bodies: list[dict[str, t.RuleBody]] = [{} for _ in range(self._count)]
        for action in self._parts:
            for at, rule in self._numbered(action):
                known = found[at]
                bodies[at].update(rule.bodies)
                if known is None:
                    found[at] = rule
                elif replace(known, bodies=rule.bodies) != rule:
                    raise FrozenError(_NOT_KEPT)
        rules: list[Rule] = []
        for whole, held in zip(found, bodies, strict=True):
            if whole is None:
                raise FrozenError(_NOT_KEPT)
            rules.append(whole if len(held) == 1 else replace(whole, bodies=held))
        cost, packs, pack_name, version = self._rest
        return CheckedPolicySet(
            pack=pack_name, schema=self.schema, rules=tuple(rules), tests=(), sources=self.sources, text_digest=self.digest,
            semantic_digest=self.semantic, cost=cost, meters=self.meters, obligations=self.obligations, version=version, packs=packs,
            tzdata=self.tzdata,
        )  # fmt: skip


def _holds(schema: object, meters: object, obligations: object, constants: object) -> bool:
    return (
        isinstance(schema, Schema) and isinstance(meters, dict) and isinstance(obligations, dict) and isinstance(constants, frozenset)
        and all(isinstance(item, Meter) and item.name == name for name, item in meters.items())
        and all(isinstance(item, ObligationType) and item.name == name for name, item in obligations.items())
        and all(isinstance(item, EntityRef) for item in constants)
    )  # fmt: skip
