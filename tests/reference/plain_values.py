"""Plain values for any declared type, edges first: what a replay of stored policies feeds the engine with."""

from __future__ import annotations

from random import Random
from typing import Final

from intended_core.ids import EntityRef
from intended_core.lang.types import EntityType, EnumType, ListType, MapType, RecordType, Scalar, SetType, Type

__all__ = ["plain"]

_TEXTS: Final[dict[str, tuple[object, ...]]] = {
    "Bool": (True, False),
    "Int": (0, 1, -1, 2, 7, 443, 2**53 - 1, -(2**53 - 1)),
    "Decimal": ("0", "1.5", "100", "750.00", "-1", "0.000000001", "999999999999999999.999999999"),
    "String": ("", "a", "b", "abc", "UTC", "Mars/Olympus", "eu", "é"),
    "Datetime": ("2026-03-29T01:30:00Z", "2026-11-23T10:00:00Z", "2026-11-18T16:26:40Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
    "Duration": (0, 1, -1, 3_600_000, 60_000, 2**53 - 1),
    "Date": ("2026-03-29", "2026-11-23", "0001-01-01", "9999-12-31"),
    "Time": ("00:00:00", "02:30:00", "09:00:30", "23:59:59.999"),
    "Ip": ("10.0.0.0/8", "10.1.2.3", "::1", "::/0", "0.0.0.0/0"),
    "Host": ("a.example", "b.a.example", "example", "10.1.2.3", "[::1]"),
    "Url": ("https://a.example/", "https://b.a.example:81/a/b?q=/a", "http://10.1.2.3/a", "x://[::1]/"),
    "Path": ("/", "/a", "/a/b", "/x/b/c.txt"),
    "Email": ("a@a.example", "b@b.a.example"),
    "Digest": ("sha256:" + "0a" * 32, "sha256:" + "ff" * 32),
}
NAMES: Final = ("a", "b", "a", "b", "a", "b", "a", "b", "a", "ghost")


def plain(kind: Type, random: Random) -> object:
    """A value of the type as a host would give it; members that may be absent are, half of the time."""
    match kind:
        case Scalar(name="Int" | "Decimal" | "Duration" as name) if random.random() < 0.8:
            return random.choice(_TEXTS[name][:5])
        case Scalar(name=name):
            return random.choice(_TEXTS[name])
        case EnumType(members=labels):
            return random.choice(labels)
        case EntityType(names=names):
            return EntityRef(random.choice(names), random.choice(NAMES))
        case SetType(element=element, max_size=most):
            found = {repr(item): item for item in (plain(element, random) for _ in range(random.randint(0, min(3, 3 if most is None else most))))}
            return list(found.values())
        case ListType(element=element, max_size=most):
            return [plain(element, random) for _ in range(random.randint(0, min(3, 3 if most is None else most)))]
        case MapType(key=key, value=held, max_size=most):
            pairs = {repr(name): [name, plain(held, random)] for name in (plain(key, random) for _ in range(min(3, 3 if most is None else most)))}
            return list(pairs.values())
        case RecordType(members=members):
            return {m.name: plain(m.type, random) for m in members if not m.optional or random.random() < 0.5}
