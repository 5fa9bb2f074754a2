"""Frozen values made fast: the maker of a class whose `__init__` is not paid for.

A frozen dataclass writes each of its fields through `object.__setattr__`, which on the path of every decision costs more than what the
fields hold. `maker(cls)` answers something to be called in the same way. It fills a twin with the same slots and gives it its class when
it is whole, so that nobody ever meets a half-made or a mutable value.

    make_row = maker(Row)
    make_row(kind="nonce", key="…", version=1, state="ISSUED", body=b"…", mac=b"…")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, cast

__all__ = ["maker"]

T = TypeVar("T")


def maker(cls: type[T], *, unsafe_unchecked: bool = False) -> type[T]:
    """Makes what `cls(…)` makes, from the same parameters; typed as the class so that calls are checked.

    TypeError for a class that checks its fields (`__post_init__`) or is no frozen dataclass with slots, it and whatever it inherits from:
    such a class is made by its own constructor only. `unsafe_unchecked`: leave `__post_init__` and what only it is given out, for the
    one room that a class's constructor would let through.
    """
    found: Any = cls
    known = fields(found) if hasattr(found, "__dataclass_fields__") else ()
    slots = [name for base in cls.__mro__ for name in base.__dict__.get("__slots__", ())]
    if (
        not known
        or not found.__dataclass_params__.frozen
        or sorted(slots) != sorted(item.name for item in known)
        or found.__dictoffset__
        or (hasattr(cls, "__post_init__") and not unsafe_unchecked)
        or any(not item.init and (item.default is not MISSING or item.default_factory is not MISSING) for item in known)
    ):
        raise TypeError(f"{cls.__name__} is made by its own constructor only")

    # Plain slots are set at a third of the price; the twin becomes what it is called once it is whole.
    members = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    twin = type(cls.__name__, cls.__bases__, {"__slots__": cls.__dict__["__slots__"], **members})
    names: dict[str, Any] = {f"default_{item.name}": item.default for item in known if item.default is not MISSING}
    names |= {f"factory_{item.name}": item.default_factory for item in known if item.default_factory is not MISSING}
    names |= {"__builtins__": {}, "missing_": MISSING, "twin_": twin, "class_": cls}
    # One function costs a third of a class that is called by name. Its text holds names of fields and nothing else, as a dataclass's own.
    exec(_text([item for item in known if item.init]), names)  # noqa: S102
    return cast("type[T]", names["make_"])


def _text(known: Sequence[Field[Any]]) -> str:
    """The text of a function with the constructor's parameters."""
    if not all(item.name.isidentifier() for item in known):
        raise TypeError("a field's name is an identifier")
    place: list[str] = []
    name = ["*"]
    for item in known:
        (name if item.kw_only else place).append(f"{item.name}{_default(item)}")
    lines = [
        f"def make_({', '.join(place if len(name) == 1 else [*place, *name])}):",
        " made_ = twin_()",
        *(f" made_.{item.name} = {_given(item)}" for item in known),
        " made_.__class__ = class_",
        " return made_",
    ]
    return "\n".join(lines)


def _default(item: Field[Any]) -> str:
    if item.default_factory is not MISSING:
        return "=missing_"
    return "" if item.default is MISSING else f"=default_{item.name}"


def _given(item: Field[Any]) -> str:
    name = item.name
    return name if item.default_factory is MISSING else f"factory_{name}() if {name} is missing_ else {name}"
