"""Random Cedar worlds: policy sets over one rich schema, entities in hierarchies (some of them never told), and requests. Seeded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from intended_core.lang.cedar.loading import Link, load_schema
from intended_core.lang.cedar.refs import CedarRef, quoted
from intended_core.lang.cedar.types import BoolT, CedarSchema, CedarType, EntityT, ExtT, Plain, RecordT, SetT

SCHEMA = """
entity Org;
entity Group in [Group, Org] = { level: Long, lead?: User };
entity Role enum ["admin", "guest"];
type Place = { zip: Long, city?: String, geo: { lat: decimal, ip?: ipaddr } };
entity User in [Group, Role] = {
  age: Long, name: String, active: Bool, boss?: User, home: Group, words: Set<String>, friends: Set<User>, addr: Place,
  joined: datetime, ttl: duration, score: decimal, ip: ipaddr, nums: Set<Long>, role?: Role
} tags String;
entity Bot in [Group] = { age: Long, name: String, owner: User, ranges: Set<ipaddr> } tags Set<Long>;
entity Folder in [Folder] = { owner: User };
entity Doc in [Folder] = {
  owner: User, public: Bool, size: Long, words: Set<String>, readers: Set<Group>, pairs: Set<{ a: Long, b: Bool }>,
  meta?: { n: Long, s?: String }
};
action all;
action rw in [all];
action read, write in [rw] appliesTo { principal: [User, Bot], resource: [Doc, Folder], context: { ip: ipaddr, mfa?: Bool, at: datetime } };
action "delete" in [all] appliesTo { principal: [User], resource: [Doc], context: { reason?: String, by: User, n: Long } };
"""
IDS = ["a", "b", "c", "", "never told"]
TOLD = IDS[:4]
TEXTS = ["", "a", "ab", "a*b", "é\n", "admin"]
PATTERNS = ['"*"', '"a*"', '"*b"', '"a\\*b"', '""']
LONGS = [-(2**63), -(2**62), -7, -1, 0, 1, 2, 5, 3_037_000_500, 2**62, 2**63 - 1]
DECIMALS = ["0.0", "-0.5", "1.25", "922337203685477.5807", "-922337203685477.5808"]
ADDRESSES = ["10.0.0.1", "10.0.0.0/8", "127.0.0.1", "224.0.0.1", "::1", "ff02::1/64", "0.0.0.0/0"]
MOMENTS = ["1970-01-01", "2024-02-29T23:59:59.999Z", "1969-12-31T00:00:00-0130", "9999-12-31", "0000-01-01"]
SPANS = ["0s", "1d2h", "-1ms", "90m", "-106751991167d", "106751991167d"]
WORDS = {"decimal": DECIMALS, "ipaddr": ADDRESSES, "datetime": MOMENTS, "duration": SPANS}
_MAKERS = {"decimal": "decimal", "ipaddr": "ip", "datetime": "datetime", "duration": "duration"}


@dataclass(frozen=True)
class World:
    """One policy set with its links, entities and requests."""

    policies: str
    links: tuple[Link, ...]
    entities: bytes
    requests: tuple[dict[str, Any], ...]


@dataclass
class _Place:
    """What may be said: texts by type, and optional attributes (base text, name, type)."""

    texts: list[tuple[str, CedarType]] = field(default_factory=list)
    optional: list[tuple[str, str, CedarType]] = field(default_factory=list)


class Generator:
    """Makes worlds from one seed."""

    def __init__(
        self,
        seed: int,
        *,
        ids: list[str] = IDS,
        told: list[str] = TOLD,
        longs: list[int] = LONGS,
        words: dict[str, list[str]] = WORDS,
        whole: bool = False,
    ) -> None:
        self.random = Random(seed)
        self.ids, self.told, self.longs, self.words = ids, told, longs, words
        self.whole = whole  # every entity told, no tags asked: what the native language can hold
        self.schema: CedarSchema = load_schema("s.cedarschema", SCHEMA.encode())

    def world(self, *, policies: int, requests: int) -> World:
        """A set of up to `policies` policies and `requests` requests."""
        texts: list[str] = []
        links: list[Link] = []
        for at in range(self.random.randint(1, policies)):
            text, values = self._policy()
            texts.append(text)
            if values is not None and self.random.random() < 0.8:
                links.append(Link(template=f"policy{at}", new_id=f"link{at}", values=values))
        entities = json.dumps(self._entities()).encode()
        return World("\n".join(texts), tuple(links), entities, tuple(self._request() for _ in range(requests)))

    def one(self, items: Any) -> Any:
        return self.random.choice(items)

    # --- policies ---------------------------------------------------------------------------------------------------------------

    def _policy(self) -> tuple[str, dict[str, CedarRef] | None]:
        r = self.random
        action = self.one([ref for ref, info in self.schema.actions.items() if info.principals])
        info = self.schema.actions[action]
        principal, resource = self.one(info.principals), self.one(info.resources)
        values: dict[str, CedarRef] | None = None
        wide = r.random() < 0.15
        heads = [f"principal is {principal}", f"resource is {resource}"]
        if r.random() < 0.3:
            heads[0] = f"principal is {principal} in Group::{quoted(self.one(self.ids))}"
        elif r.random() < 0.15:
            heads[0] = f"principal == {principal}::{quoted(self.one(self.ids))}"
        if r.random() < 0.3:
            heads[1] = f"resource is {resource} in Folder::{quoted(self.one(self.ids))}"
        if not wide and r.random() < 0.12:
            heads[0] = self.one(
                [f"principal is {principal} in ?principal", "principal in ?principal", "principal == ?principal"]
            )
            kind = principal if "==" in heads[0] else "Group"
            values = {"?principal": CedarRef(kind, self.one(self.ids))}
            wide = "is" not in heads[0].split()
        group = "all" if action.id == "delete" else "rw"
        verb = self.one([f"action == {action}", f"action in [{action}]", f'action in Action::"{group}"'])
        if wide:
            heads = ["principal", heads[1]] if values is None else [heads[0], heads[1]]
        if verb.startswith("action in A"):
            place = self._place(None, None, None) if action.id != "delete" else self._place("User", "Doc", None)
            if action.id == "delete":
                heads, verb = ["principal is User", "resource is Doc"], f"action == {action}"
        else:
            place = self._place(None if wide else principal, resource, action)
        conditions = ""
        for _ in range(self.one([0, 1, 1, 1, 2])):
            conditions += f"\n  {self.one(['when', 'when', 'unless'])} {{ {self._bool(place, self.one([1, 2, 3]))} }}"
        if values is not None and "?principal" not in heads[0]:
            values = None
        return f"{self.one(['permit', 'permit', 'forbid'])} ({heads[0]}, {verb}, {heads[1]}){conditions};", values

    def _place(self, principal: str | None, resource: str | None, action: CedarRef | None) -> _Place:
        place = _Place()
        for text, name in (("principal", principal), ("resource", resource)):
            if name is not None:
                self._expand(place, text, EntityT(name), 2)
        if action is not None:
            self._expand(place, "context", self.schema.actions[action].context, 2)
        self._expand(place, f"User::{quoted(self.one(self.ids))}", EntityT("User"), 1)
        return place

    def _expand(self, place: _Place, text: str, type_: CedarType, depth: int) -> None:
        place.texts.append((text, type_))
        members = (
            type_
            if isinstance(type_, RecordT)
            else self.schema.entities[type_.name].attributes
            if isinstance(type_, EntityT)
            else RecordT()
        )
        for name, held, required in members.members:
            if required and depth:
                self._expand(place, f"{text}.{name}", held, depth - 1)
            elif not required:
                place.optional.append((text, name, held))

    def _bool(self, place: _Place, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return self._atom(place)
        kind = r.randrange(12)
        if kind < 3:
            return f"({self._bool(place, depth - 1)} && {self._bool(place, depth - 1)})"
        if kind < 5:
            return f"({self._bool(place, depth - 1)} || {self._bool(place, depth - 1)})"
        if kind == 5:
            return f"!({self._bool(place, depth - 1)})"
        if kind == 6:
            return f"(if {self._bool(place, depth - 1)} then {self._bool(place, depth - 1)} else {self._bool(place, depth - 1)})"
        if kind < 9 and place.optional:
            base, name, held = self.one(place.optional)
            inner = _Place(list(place.texts), [item for item in place.optional if item != (base, name, held)])
            self._expand(inner, f"{base}.{name}", held, 1)
            there = f"({base} has {name} && {self._bool(inner, depth - 1)})"
            return (
                there
                if r.random() < 0.7
                else f"(if {base} has {name} then {self._bool(inner, depth - 1)} else {self._bool(place, 0)})"
            )
        if kind == 9 and not self.whole:
            tagged = [
                (text, held)
                for text, held in place.texts
                if isinstance(held, EntityT) and self.schema.entities[held.name].tags is not None
            ]
            if tagged:
                text, held = self.one(tagged)
                tags, key = self.schema.entities[held.name].tags, self._value(place, Plain("String"), 0)
                inner = _Place(
                    [*place.texts, (f"{text}.getTag({key})", tags)] if tags is not None else list(place.texts),
                    place.optional,
                )
                return f"({text}.hasTag({key}) && {self._bool(inner, depth - 1)})"
        return self._atom(place)

    def _atom(self, place: _Place) -> str:
        r = self.random
        _, type_ = self.one(place.texts)
        kind = r.randrange(14)
        if kind == 0 and place.optional:
            base, name, _ = self.one(place.optional)
            return f"{base} has {name}"
        if kind == 1:
            return f"{self._value(place, Plain('String'), 1)} like {self.one(PATTERNS)}"
        if kind == 2:
            entity = self._of(place, EntityT)
            group = self._entity(place, self.one(["Group", "Folder", "Org"]))
            return f"{entity[0]} is {entity[1].name}" + self.one(["", f" in {group}"])
        if kind in (3, 4):
            entity = self._of(place, EntityT)
            above = self.one([entity[1].name, "Group", "Folder", "Org"])
            if r.random() < 0.4:
                return f"{entity[0]} in {self._value(place, SetT(EntityT(above)), 1)}"
            return f"{entity[0]} in {self._entity(place, above)}"
        if kind == 5:
            held = self._of(place, SetT)
            if held is not None:
                method = self.one(["contains", "containsAll", "containsAny", "isEmpty"])
                other = {"contains": held[1].element, "isEmpty": None}.get(method, held[1])
                return f"{held[0]}.{method}({'' if other is None else self._value(place, other, 1)})"
        if kind == 6:
            wide = self._value(place, ExtT("ipaddr"), 0)
            asked = self.one(["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", f"isInRange({wide})"])
            return f"{self._value(place, ExtT('ipaddr'), 1)}.{asked}"
        if kind == 7:
            method = self.one(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])
            return f"{self._value(place, ExtT('decimal'), 1)}.{method}({self._value(place, ExtT('decimal'), 1)})"
        if kind in (8, 9, 10):
            held = self.one([Plain("Long"), Plain("Long"), ExtT("datetime"), ExtT("duration")])
            return f"{self._value(place, held, 2)} {self.one(['<', '<=', '>', '>='])} {self._value(place, held, 2)}"
        if kind == 11:
            return self._value(place, BoolT(), 1)
        return f"{self._value(place, type_, 1)} {self.one(['==', '!='])} {self._value(place, type_, 1)}"

    def _of(self, place: _Place, kind: type) -> Any:
        found = [item for item in place.texts if isinstance(item[1], kind)]
        return self.one(found) if found else None

    def _entity(self, place: _Place, name: str) -> str:
        return self._value(place, EntityT(name), 1)

    def _value(self, place: _Place, type_: CedarType, depth: int) -> str:
        r = self.random
        found = [text for text, held in place.texts if held == type_]
        if found and r.random() < 0.6:
            return self.one(found)  # type: ignore[no-any-return]
        if depth and r.random() < 0.15:
            return f"(if {self._atom(place)} then {self._value(place, type_, depth - 1)} else {self._value(place, type_, depth - 1)})"
        match type_:
            case BoolT():
                return self.one(["true", "false"])  # type: ignore[no-any-return]
            case Plain(name="Long"):
                return self._long(place, depth)
            case Plain():
                return quoted(self.one(TEXTS))
            case ExtT(name="datetime") if depth and r.random() < 0.4:
                return self.one(
                    [
                        f"{self._value(place, type_, depth - 1)}.offset({self._value(place, ExtT('duration'), depth - 1)})",
                        f"{self._value(place, type_, depth - 1)}.toDate()",
                    ]
                )  # type: ignore[no-any-return]
            case ExtT(name="duration") if depth and r.random() < 0.4:
                moment = ExtT("datetime")
                return self.one(
                    [
                        f"{self._value(place, moment, depth - 1)}.durationSince({self._value(place, moment, depth - 1)})",
                        f"{self._value(place, moment, depth - 1)}.toTime()",
                    ]
                )  # type: ignore[no-any-return]
            case ExtT(name=name):
                return f'{_MAKERS[name]}("{self.one(self.words[name])}")'
            case EntityT(name="Role"):
                return f'Role::"{self.one(["admin", "guest"])}"'
            case EntityT(name=name):
                return f"{name}::{quoted(self.one(self.ids))}"
            case SetT(element=element):
                return "[" + ", ".join(self._value(place, element, 0) for _ in range(r.randint(1, 3))) + "]"
            case RecordT(members=members):
                return "{" + ", ".join(f"{name}: {self._value(place, held, 0)}" for name, held, _ in members) + "}"

    def _long(self, place: _Place, depth: int) -> str:
        if depth and self.random.random() < 0.5:
            left = self._value(place, Plain("Long"), depth - 1)
            if self.random.random() < 0.2:
                return self.one(
                    [
                        f"-({left})",
                        f"{self._value(place, ExtT('duration'), 0)}.to{self.one(['Days', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'])}()",
                    ]
                )  # type: ignore[no-any-return]
            return f"({left} {self.one('+-*')} {self._value(place, Plain('Long'), depth - 1)})"
        return str(self.one(self.longs))

    # --- entities and requests --------------------------------------------------------------------------------------------------

    def _entities(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for name, info in self.schema.entities.items():
            if info.ids is not None:
                continue
            for at, each in enumerate(self.told):
                if not self.whole and self.random.random() < 0.15:
                    continue
                # below one's own type only what comes later: no circle
                above = [
                    (kind, other)
                    for kind in sorted(info.ancestors - {"Role"})
                    for where, other in enumerate(self.ids)
                    if kind != name or where > at
                ]
                if "Role" in info.ancestors:
                    above += [("Role", "admin"), ("Role", "guest")]
                parents = self.random.sample(above, min(len(above), self.one([0, 0, 1, 1, 2])))
                item: dict[str, Any] = {
                    "uid": {"type": name, "id": each}, "attrs": self._json(info.attributes),
                    "parents": [{"type": kind, "id": other} for kind, other in parents],
                }  # fmt: skip
                if info.tags is not None:
                    item["tags"] = {
                        key: self._json(info.tags) for key in self.random.sample(TEXTS, self.one([0, 1, 3]))
                    }
                made.append(item)
        return made

    def _json(self, type_: CedarType) -> Any:
        match type_:
            case BoolT():
                return self.one([True, False])
            case Plain(name="Long"):
                return self.one(self.longs)
            case Plain():
                return self.one(TEXTS)
            case ExtT(name=name):
                return {"__extn": {"fn": _MAKERS[name], "arg": self.one(self.words[name])}}
            case EntityT(name=name):
                return {"__entity": {"type": name, "id": self.one(["admin", "guest"] if name == "Role" else self.ids)}}
            case SetT(element=element):
                return [self._json(element) for _ in range(self.one([0, 1, 2, 3]))]
            case RecordT(members=members):
                return {
                    name: self._json(held) for name, held, required in members if required or self.random.random() < 0.5
                }

    def _request(self) -> dict[str, Any]:
        action = self.one([ref for ref, info in self.schema.actions.items() if info.principals])
        info = self.schema.actions[action]
        return {
            "principal": f"{self.one(info.principals)}::{quoted(self.one(self.ids))}", "action": str(action),
            "resource": f"{self.one(info.resources)}::{quoted(self.one(self.ids))}", "context": self._json(info.context),
        }  # fmt: skip
