"""What compiled conditions call: arithmetic that errs instead of overflowing, membership, matching, provenance. A closed table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.lang.types import DATETIME, DECIMAL, DURATION, INT, Type
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE, INT_MAX, INT_MIN, Record

__all__ = [
    "OPERATIONS",
    "UNTOLD",
    "EvaluationError",
    "add_decimal",
    "add_int",
    "all_of",
    "any_of",
    "entity_in",
    "entity_in_any",
    "like",
    "method_contains_all",
    "method_contains_any",
    "method_domain",
    "method_size",
    "mul_decimal",
    "mul_int",
    "neg_decimal",
    "neg_int",
    "operation_of",
    "order_key",
    "origin",
    "sub_decimal",
    "sub_int",
    "walk",
]

UNTOLD: Final = frozenset({"unknown", "content"})


class EvaluationError(Exception):
    """A checked expression that could not be evaluated: overflow, or a quorum out of range. Denies."""


def _int(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise EvaluationError("an Int overflows 64 bits")
    return value


def _decimal(value: int) -> int:
    if not -DECIMAL_MAX <= value <= DECIMAL_MAX:
        raise EvaluationError("a Decimal overflows 18 integer digits")
    return value


def add_int(left: int, right: int) -> int:
    return _int(left + right)


def sub_int(left: int, right: int) -> int:
    return _int(left - right)


def mul_int(left: int, right: int) -> int:
    return _int(left * right)


def neg_int(value: int) -> int:
    return _int(-value)


def add_decimal(left: int, right: int) -> int:
    return _decimal(left + right)


def sub_decimal(left: int, right: int) -> int:
    return _decimal(left - right)


def mul_decimal(left: int, right: int) -> int:
    """Half-even at nine digits."""
    whole, rest = divmod(left * right, DECIMAL_SCALE)
    twice = 2 * rest
    if twice > DECIMAL_SCALE or (twice == DECIMAL_SCALE and whole & 1):
        whole += 1
    return _decimal(whole)


def neg_decimal(value: int) -> int:
    return _decimal(-value)


def entity_in(ancestors: Mapping[EntityRef, frozenset[EntityRef]], left: EntityRef, right: EntityRef) -> bool:
    above = ancestors[left]
    return left == right or right in above


def entity_in_any(
    ancestors: Mapping[EntityRef, frozenset[EntityRef]], left: EntityRef, right: frozenset[EntityRef]
) -> bool:
    above = ancestors[left]
    return left in right or not above.isdisjoint(right)


def like(text: str, parts: tuple[str, ...]) -> bool:
    """Whole string; each `*` is any run of characters. Two pointers, no backtracking: the first fit of each part is enough."""
    if len(parts) == 1:
        return text == parts[0]
    first, last = parts[0], parts[-1]
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def order_key(value: object) -> Any:
    """Places elements of one type in canonical order: texts by code point, numbers by value, entities by type and id."""
    if isinstance(value, EntityRef):
        return (value.type, value.id)
    if isinstance(value, Record):
        return [(name, order_key(value[name])) for name in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(order_key(item) for item in value)
    return value


def walk(values: frozenset[Any]) -> list[Any]:
    """The elements in canonical order, so that which error comes first does not depend on hash seeds."""
    return sorted(values, key=order_key)


def any_of(answers: Iterable[bool]) -> bool:
    return any(answers)


def all_of(answers: Iterable[bool]) -> bool:
    return all(answers)


def origin(
    origins: Mapping[str, frozenset[str]], path: str, args: Record, guards: tuple[tuple[str, ...], ...]
) -> frozenset[str]:
    for steps in guards:
        found: Any = args
        for name in steps:
            if not isinstance(found, Record):
                break
            if name not in found:
                return frozenset()
            found = found[name]
    return origins.get(path, UNTOLD)


def method_size(value: frozenset[Any] | str) -> int:
    return len(value)


def method_contains_all(value: frozenset[Any], other: frozenset[Any]) -> bool:
    return value >= other


def method_contains_any(value: frozenset[Any], other: frozenset[Any]) -> bool:
    return not value.isdisjoint(other)


def method_domain(value: str) -> str:
    return value.rpartition("@")[2]


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "add_int": add_int, "sub_int": sub_int, "mul_int": mul_int, "neg_int": neg_int, "add_decimal": add_decimal,
    "sub_decimal": sub_decimal, "mul_decimal": mul_decimal, "neg_decimal": neg_decimal, "entity_in": entity_in,
    "entity_in_any": entity_in_any, "like": like, "walk": walk, "any_of": any_of, "all_of": all_of, "origin": origin,
    "make_set": frozenset, "make_record": Record, "method_size": method_size,
    "method_contains_all": method_contains_all, "method_contains_any": method_contains_any, "method_domain": method_domain,
}  # fmt: skip


def operation_of(op: str, left: Type, right: Type | None) -> str:
    """The operation for these operand types; Datetime and Duration are milliseconds and share Int's bounds."""
    if left == DECIMAL:
        return f"{op}_decimal"
    if left in (INT, DATETIME, DURATION) and (right is None or right in (INT, DATETIME, DURATION)):
        return f"{op}_int"
    raise EvaluationError(f"no operation {op} for these types")
