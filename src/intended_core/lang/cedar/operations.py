"""What compiled Cedar conditions call beside the native operations. The first parameter of those that read is attributes by entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.lang.cedar.extensions import DAY, ExtensionError, network, to_date
from intended_core.lang.cedar.refs import tags_of
from intended_core.lang.faults import EvaluationError
from intended_core.values import Record

__all__ = ["CEDAR_OPERATIONS"]

_LOOPBACK: Final = {4: network("127.0.0.0/8"), 6: network("::1/128")}
_MULTICAST: Final = {4: network("224.0.0.0/4"), 6: network("ff00::/8")}


def _has(attributes: Mapping[EntityRef, Record], ref: EntityRef, name: str) -> bool:
    """Whether the entity is there and has the attribute."""
    found = attributes.get(ref)
    return found is not None and name in found


def _has_tag(attributes: Mapping[EntityRef, Record], ref: EntityRef, key: str) -> bool:
    """Whether the entity is there and has the tag."""
    found = attributes.get(tags_of(ref))
    return found is not None and key in found


def _get_tag(attributes: Mapping[EntityRef, Record], ref: EntityRef, key: str) -> Any:
    """The tag's value; an entity that is not there is an error, as for its attributes."""
    found = attributes.get(tags_of(ref))
    if found is None or key not in found:
        raise EvaluationError(f"{ref} has no such tag")
    return found[key]


def _in_range(value: str, wide: str) -> bool:
    """Whether every address of the first is one of the second."""
    low, high = network(value), network(wide)
    return low.version == high.version and low.subnet_of(high)  # type: ignore[arg-type]


def _is_ipv4(value: str) -> bool:
    """Whether it is an IPv4 address or range."""
    return network(value).version == 4


def _is_ipv6(value: str) -> bool:
    """Whether it is an IPv6 address or range."""
    return network(value).version == 6


def _is_loopback(value: str) -> bool:
    """Whether all of it is loopback."""
    found = network(value)
    return found.subnet_of(_LOOPBACK[found.version])  # type: ignore[arg-type]


def _is_multicast(value: str) -> bool:
    """Whether all of it is multicast."""
    found = network(value)
    return found.subnet_of(_MULTICAST[found.version])  # type: ignore[arg-type]


def _date_of(moment: int) -> int:
    """Midnight at or before; an error below the smallest datetime."""
    try:
        return to_date(moment)
    except ExtensionError:
        raise EvaluationError("a datetime overflows") from None


def _time_of(moment: int) -> int:
    """Milliseconds since midnight."""
    return moment % DAY


def _whole(duration: int, unit: int) -> int:
    """Whole units, cut toward zero."""
    return duration // unit if duration >= 0 else -(-duration // unit)


def _contains_all(value: frozenset[Any], other: frozenset[Any]) -> bool:
    """Whether every element of `other` is one of `value`."""
    return value >= other


def _contains_any(value: frozenset[Any], other: frozenset[Any]) -> bool:
    """Whether an element of `other` is one of `value`."""
    return not value.isdisjoint(other)


def _is_empty(value: frozenset[Any]) -> bool:
    """Whether the set has no element."""
    return not value


CEDAR_OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "has": _has, "has_tag": _has_tag, "get_tag": _get_tag, "in_range": _in_range, "is_ipv4": _is_ipv4, "is_ipv6": _is_ipv6,
    "is_loopback": _is_loopback, "is_multicast": _is_multicast, "date_of": _date_of, "time_of": _time_of, "whole": _whole,
    "contains_all": _contains_all, "contains_any": _contains_any, "is_empty": _is_empty,
}  # fmt: skip
