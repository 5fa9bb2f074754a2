"""Cedar's own calls a second time, on the interpreter's tagged values: no code of `lang.cedar.operations`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from intended_core.engine.meanings import Nothing
from intended_core.ids import EntityRef
from intended_core.values import Record

__all__ = ["cedar_meaning"]

_DAY: Final = 86_400_000


def _range(text: str) -> tuple[int, int, int]:
    """Version, lowest and highest address of `address/prefix`."""
    address, _, prefix = text.partition("/")
    found = ipaddress.ip_address(address)
    free = found.max_prefixlen - int(prefix)
    low = int(found) >> free << free
    return found.version, low, low + (1 << free) - 1


def _covered(narrow: str, wide: str) -> bool:
    one, other = _range(narrow), _range(wide)
    return one[0] == other[0] and other[1] <= one[1] and one[2] <= other[2]


def _record(attributes: Mapping[EntityRef, Record], kind: str, name: str) -> Record | None:
    return next((held for ref, held in attributes.items() if ref.type == kind and ref.id == name), None)


def cedar_meaning(name: str, args: list[Any], attributes: Mapping[EntityRef, Record]) -> Any:
    """The untagged value of a call on tagged values; raises Nothing."""
    first = args[0][1]
    if name == "has":
        held = _record(attributes, first, args[0][2])
        return held is not None and args[1][1] in held
    if name in ("has_tag", "get_tag"):
        held = _record(attributes, first + " tags", args[0][2])
        there = held is not None and args[1][1] in held
        if name == "has_tag":
            return there
        if held is None or not there:
            raise Nothing("a tag that is not there")
        return held[args[1][1]]
    if name == "in_range":
        return _covered(first, args[1][1])
    if name in ("is_ipv4", "is_ipv6"):
        return (":" in first) == (name == "is_ipv6")
    if name == "is_loopback":
        return _covered(first, "::1/128" if ":" in first else "127.0.0.0/8")
    if name == "is_multicast":
        return _covered(first, "ff00::/8" if ":" in first else "224.0.0.0/4")
    if name in ("date_of", "time_of"):
        days = first // _DAY
        if name == "date_of" and days * _DAY < -(2**63):
            raise Nothing("a datetime overflows")
        return days * _DAY if name == "date_of" else first - days * _DAY
    if name == "whole":
        sign = -1 if first < 0 else 1
        return sign * (abs(first) // args[1][1])
    if name == "is_empty":
        return len(first) == 0
    if name == "contains_all":
        return all(any(item == mine for mine in first) for item in args[1][1])
    if name == "contains_any":
        return any(item == mine for item in args[1][1] for mine in first)
    raise Nothing("an unknown call")
