"""Frozen values made fast: the maker of a class whose `__init__` is not paid for.

A frozen dataclass writes each of its fields through `object.__setattr__`, which on the path of every decision costs more than what the
fields hold. `maker(cls)` answers something to be called in the same way. It fills a twin with the same slots and gives it its class when
it is whole, so that nobody ever meets a half-made or a mutable value.

    make_row = maker(Row)
    make_row(kind="nonce", key="…", version=1, state="ISSUED", body=b"…", mac=b"…")
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any, TypeVar, cast

__all__ = ["maker"]

T = TypeVar("T")


def maker(cls: type[T], *, unsafe_unchecked: bool = False) -> type[T]:
    """Makes what `cls(…)` makes, from the same parameters; typed as the class so that calls are checked.

    TypeError for a class that checks its fields (`__post_init__`), inherits some, makes defaults by a factory, or is no frozen
    dataclass with slots: such a class is made by its own constructor only. `unsafe_unchecked`: leave `__post_init__` and what only it
    is given out, for the one room that a class's constructor would let through.
    """
    found: Any = cls
    known = fields(found) if hasattr(found, "__dataclass_fields__") else ()
    if (
        not known
        or not found.__dataclass_params__.frozen
        or tuple(getattr(cls, "__slots__", ())) != tuple(item.name for item in known)
        or (hasattr(cls, "__post_init__") and not unsafe_unchecked)
        or any(not item.init or item.default_factory is not MISSING for item in known)
    ):
        raise TypeError(f"{cls.__name__} is made by its own constructor only")

    def whole(self: Any) -> None:
        self.__class__ = cls

    members = [
        (item.name, object, field(kw_only=bool(item.kw_only)) if item.default is MISSING
         else field(default=item.default, kw_only=bool(item.kw_only)))
        for item in known
    ]  # fmt: skip
    # Its generated `__init__` sets plain slots, and ends with `__post_init__`: then the value is what it is called.
    twin = make_dataclass(cls.__name__, members, slots=True, eq=False, repr=False, namespace={"__post_init__": whole})
    return cast("type[T]", twin)
