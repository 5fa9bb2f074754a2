"""What compiled conditions call: arithmetic that errs instead of overflowing, membership, matching, provenance. A closed table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.lang.builtins import METHODS
from intended_core.lang.cedar.operations import CEDAR_OPERATIONS
from intended_core.lang.faults import EvaluationError
from intended_core.lang.patterns import glob, path_like, url_like
from intended_core.lang.types import DATETIME, DECIMAL, DURATION, INT, Type
from intended_core.values import DECIMAL_MAX, DECIMAL_SCALE, INT_MAX, INT_MIN, IpValue, Record, Value

__all__ = [
    "OPERATIONS",
    "UNTOLD",
    "EvaluationError",
    "add_decimal",
    "add_int",
    "all_of",
    "any_of",
    "count_of",
    "entity_in",
    "entity_in_any",
    "ip_in",
    "ip_in_any",
    "lookup",
    "mul_decimal",
    "mul_int",
    "neg_decimal",
    "neg_int",
    "operation_of",
    "order_key",
    "origin",
    "param",
    "rows",
    "sub_decimal",
    "sub_int",
    "sum_decimal",
    "sum_int",
    "walk",
]

UNTOLD: Final = frozenset({"unknown", "content"})


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


def ip_in(left: IpValue, right: IpValue) -> bool:
    return left.version == right.version and right.low <= left.low and left.high <= right.high


def ip_in_any(left: IpValue, right: Iterable[IpValue]) -> bool:
    return any(ip_in(left, item) for item in right)


def sum_int(values: Iterable[int]) -> int:
    return _int(sum(values))


def sum_decimal(values: Iterable[int]) -> int:
    return _decimal(sum(values))


def count_of(answers: Iterable[bool]) -> int:
    return sum(answers)


def rows(data: Mapping[str, Value], name: str, now_ms: int, max_age_ms: int | None) -> Value:
    """The rows of a table; a table that was never filled or is too old has none to go by."""
    found = data.get(name)
    if found is None:
        raise EvaluationError(f"the table `{name}` has no rows")
    if max_age_ms is not None:
        written = data.get(f"{name}@")
        if not isinstance(written, int) or now_ms - written > max_age_ms:
            raise EvaluationError(f"the table `{name}` is stale")
    return found


def param(data: Mapping[str, Value], name: str) -> Value:
    found = data.get(name)
    if found is None:
        raise EvaluationError(f"the param `{name}` has no value")
    return found


def lookup(table: Mapping[Value, Value], key: Value) -> Value:
    found = table.get(key)
    if found is None:
        raise EvaluationError("the table has no row for this key")
    return found


def order_key(value: object) -> Any:
    """Places elements of one type in canonical order: texts by code point, numbers by value, entities by type and id."""
    if isinstance(value, EntityRef):
        return (value.type, value.id)
    if isinstance(value, Record):
        return [(name, order_key(value[name])) for name in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(order_key(item) for item in value)
    if isinstance(value, tuple):
        return [order_key(item) for item in value]
    return value


def walk(values: frozenset[Any] | tuple[Any, ...]) -> Iterable[Any]:
    """A list's elements as they stand; a set's in canonical order, so that which error comes first does not depend on hash seeds."""
    return values if isinstance(values, tuple) else sorted(values, key=order_key)


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


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "add_int": add_int, "sub_int": sub_int, "mul_int": mul_int, "neg_int": neg_int, "add_decimal": add_decimal,
    "sub_decimal": sub_decimal, "mul_decimal": mul_decimal, "neg_decimal": neg_decimal, "entity_in": entity_in,
    "entity_in_any": entity_in_any, "ip_in": ip_in, "ip_in_any": ip_in_any, "like": glob, "path_like": path_like,
    "url_like": url_like, "sum_int": sum_int, "sum_decimal": sum_decimal, "count_of": count_of, "rows": rows, "param": param,
    "lookup": lookup, "walk": walk, "any_of": any_of, "all_of": all_of, "origin": origin,
    "make_set": frozenset, "make_record": Record,
    **{f"method_{kind}_{name}": spec.meaning for (kind, name), spec in METHODS.items()},
    **{f"cedar_{name}": meaning for name, meaning in CEDAR_OPERATIONS.items()},
}  # fmt: skip


def operation_of(op: str, left: Type, right: Type | None) -> str:
    """The operation for these operand types; Datetime and Duration are milliseconds and share Int's bounds."""
    if left == DECIMAL:
        return f"{op}_decimal"
    if left in (INT, DATETIME, DURATION) and (right is None or right in (INT, DATETIME, DURATION)):
        return f"{op}_int"
    raise EvaluationError(f"no operation {op} for these types")
