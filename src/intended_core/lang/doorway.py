"""The quick way through the door: one validator per action, compiled from the schema, for intents whose every part is plain and small.

A door accepts only what `lang.intents.validate` would accept, and makes an equal ValidIntent; for everything else it raises `NotPlainError`
and the thorough way decides, with its diagnostics. What the decision itself does not read (wire form, digests, references) is made when
it is asked for, from the typed values: these are immutable, so it cannot matter when. Bounds here are tighter than the language's, so that
an intent that passes can never have a wire form larger than `MAX_INTENT_BYTES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any, Final, TypeAlias

from intended_core.ids import EntityRef
from intended_core.intent import ORIGINS, Intent, ValidIntent
from intended_core.lang.straight import straight
from intended_core.lang.types import ActionDecl, EntityType, EnumType, ListType, RecordType, Scalar, SetType, Type
from intended_core.values import DECIMAL_DIGITS, SAFE_INT, Record

__all__ = ["Door", "NotPlainError", "door"]

Fast: TypeAlias = Callable[[Any], Any]
Door: TypeAlias = Callable[[Intent, Any], ValidIntent]
MAX_TEXT: Final = 256  # characters; longer texts take the thorough way
MAX_ITEMS: Final = 64  # elements of a set or list
MAX_BOUND: Final = 200 * 1024  # bytes of wire form; below MAX_INTENT_BYTES with room for names and brackets
_ESCAPED: Final = 6 * MAX_TEXT + 16  # a control character takes six bytes in JSON
_DECIMAL: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))(?:\.([0-9]{1,9}))?").fullmatch
_WHOLE: Final = "0" * DECIMAL_DIGITS


class NotPlainError(Exception):
    """This intent takes the thorough way."""


def _known_origins() -> dict[frozenset[str], frozenset[str]]:
    """Every set of places, and what it means: what is not known may be content."""
    found: dict[frozenset[str], frozenset[str]] = {}
    for size in range(1, len(ORIGINS) + 1):
        for chosen in combinations(sorted(ORIGINS), size):
            told = frozenset(chosen)
            found[told] = told | {"content"} if "unknown" in told else told
    return found


_ORIGINS: Final = _known_origins()


def door(declared: ActionDecl, origin_paths: frozenset[str]) -> Door | None:
    """The door of one action: `enter(intent, late)`, with `late` for the parts made later.

    None when its args or context have a type that only the thorough way knows, or could grow too large.
    """
    args, context = _record(declared.args), _record(declared.context)
    if args is None or context is None or _bound(declared.args) + _bound(declared.context) > MAX_BOUND:
        return None
    if sum(len(path) + 80 for path in origin_paths) > MAX_BOUND // 8:
        return None

    def origins(given: Any) -> dict[str, frozenset[str]]:
        if given.__class__ is not dict:
            raise NotPlainError
        made: dict[str, frozenset[str]] = {}
        for path, places in given.items():
            kind = places.__class__
            if path.__class__ is not str or path not in origin_paths or (kind is not set and kind is not frozenset):
                raise NotPlainError
            made[path] = _ORIGINS[frozenset(places)]
        return made

    return straight(
        declared.name, frozenset(declared.principals), frozenset(declared.resources), declared.args, declared.context,
        origins=origins, taker=_known, max_text=MAX_TEXT, refused=NotPlainError,
    )  # fmt: skip


def _known(wanted: Type) -> Fast:
    found = _fast(wanted)
    if found is None:
        raise NotPlainError  # not reached: `door` asked before
    return found


def _fast(wanted: Type) -> Fast | None:
    if isinstance(wanted, Scalar):
        return _SCALARS.get(wanted.name)
    if isinstance(wanted, EnumType):
        return _enum(wanted)
    if isinstance(wanted, EntityType):
        return _entity(wanted)
    if isinstance(wanted, SetType | ListType):
        return _several(wanted)
    return _record(wanted) if isinstance(wanted, RecordType) else None


def _bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise NotPlainError


def _int(value: Any) -> int:
    if value.__class__ is int and -SAFE_INT <= value <= SAFE_INT:
        return value
    raise NotPlainError


def _decimal(value: Any) -> int:
    if value.__class__ is not str:
        raise NotPlainError
    found = _DECIMAL(value)
    if found is None:
        raise NotPlainError
    whole, fraction = found.groups()
    return int(whole + (_WHOLE if fraction is None else fraction.ljust(DECIMAL_DIGITS, "0")))


def _string(value: Any) -> str:
    if value.__class__ is str and len(value) <= MAX_TEXT and value.isascii():
        return value
    raise NotPlainError


_SCALARS: Final[dict[str, Fast]] = {"Bool": _bool, "Int": _int, "Duration": _int, "Decimal": _decimal, "String": _string}


def _enum(wanted: EnumType) -> Fast:
    known = {name: rank if wanted.ordered else name for rank, name in enumerate(wanted.members)}

    def take(value: Any) -> Any:
        if value.__class__ is str and value in known:
            return known[value]
        raise NotPlainError

    return take


def _entity(wanted: EntityType) -> Fast:
    names = frozenset(wanted.names)

    def take(value: Any) -> EntityRef:
        if value.__class__ is EntityRef and value.type in names and len(value.id) <= MAX_TEXT:
            found: EntityRef = value
            return found
        raise NotPlainError

    return take


def _several(wanted: SetType | ListType) -> Fast | None:
    element = _fast(wanted.element)
    if element is None:
        return None
    limit = MAX_ITEMS if wanted.max_size is None else min(MAX_ITEMS, wanted.max_size)
    listed = isinstance(wanted, ListType)
    take_one = element

    def take(value: Any) -> Any:
        kind = value.__class__
        if (kind is not list and kind is not tuple) or len(value) > limit:
            raise NotPlainError
        items = [take_one(item) for item in value]
        if listed:
            return tuple(items)
        made = frozenset(items)
        if len(made) != len(items):
            raise NotPlainError
        return made

    return take


def _record(wanted: RecordType) -> Fast | None:
    required: list[tuple[str, Fast]] = []
    optional: list[tuple[str, Fast]] = []
    for member in wanted.members:
        found = _fast(member.type) if member.max_bytes is None or member.max_bytes >= MAX_TEXT else None
        if found is None:
            return None
        (optional if member.optional else required).append((member.name, found))
    always, perhaps = tuple(required), tuple(optional)
    if perhaps:

        def take(value: Any) -> Record:
            if value.__class__ is not dict:
                raise NotPlainError
            made = {name: convert(value[name]) for name, convert in always}
            for name, convert in perhaps:
                if name in value:
                    made[name] = convert(value[name])
            if len(made) != len(value):
                raise NotPlainError
            return Record(made)

        return take
    size = len(always)

    def take_all(value: Any) -> Record:
        if value.__class__ is not dict or len(value) != size:
            raise NotPlainError
        return Record({name: convert(value[name]) for name, convert in always})

    return take_all


def _bound(wanted: Type) -> int:
    """The most bytes that the wire form of an accepted value can have."""
    if isinstance(wanted, RecordType):
        return 2 + sum(len(member.name) + 8 + _bound(member.type) for member in wanted.members)
    if isinstance(wanted, SetType | ListType):
        limit = MAX_ITEMS if wanted.max_size is None else min(MAX_ITEMS, wanted.max_size)
        return 2 + limit * (1 + _bound(wanted.element))
    if isinstance(wanted, EnumType):
        return max(6 * len(name) + 8 for name in wanted.members)
    if isinstance(wanted, EntityType):
        return _ESCAPED + max(len(name) for name in wanted.names)
    return _ESCAPED if isinstance(wanted, Scalar) and wanted.name == "String" else 48
