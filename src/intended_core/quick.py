"""Frozen values made fast: the maker of a class whose `__init__` is not paid for.

A frozen dataclass writes each of its fields through `object.__setattr__`, which on the path of every decision costs more than what the
fields hold. `maker(cls)` answers a function of the same signature. It fills a twin with the same slots and gives it its class when it is
whole, so that nobody ever meets a half-made or a mutable value.

    make_row = maker(Row)
    make_row(kind="nonce", key="…", version=1, state="ISSUED", body=b"…", mac=b"…")
"""

from __future__ import annotations

from dataclasses import MISSING, fields, make_dataclass
from typing import Any, Final, TypeVar, cast

__all__ = ["maker"]

T = TypeVar("T")
_LEFT_OUT: Final = "_left_out_"


def maker(cls: type[T]) -> type[T]:
    """A function that makes what `cls(…)` makes, with the same parameters; typed as the class so that calls are checked.

    TypeError for a class that checks its fields (`__post_init__`), inherits some, makes defaults by a factory, or is no frozen
    dataclass with slots: such a class is made by its own constructor only.
    """
    found: Any = cls
    known = fields(found) if hasattr(found, "__dataclass_fields__") else ()
    names = tuple(item.name for item in known)
    if (
        not known
        or not found.__dataclass_params__.frozen
        or tuple(getattr(cls, "__slots__", ())) != names
        or hasattr(cls, "__post_init__")
        or any(not item.init or item.default_factory is not MISSING for item in known)
    ):
        raise TypeError(f"{cls.__name__} is made by its own constructor only")
    twin = make_dataclass(cls.__name__, names, slots=True, eq=False, repr=False)
    twin.__doc__ = cls.__doc__
    space: dict[str, Any] = {"twin": twin, "cls": cls}
    parameters = []
    star = False
    for item in sorted(known, key=lambda one: bool(one.kw_only)):
        if item.kw_only and not star:
            parameters.append("*")
            star = True
        if item.default is MISSING:
            parameters.append(item.name)
        else:
            space[f"{_LEFT_OUT}{item.name}"] = item.default
            parameters.append(f"{item.name}={_LEFT_OUT}{item.name}")
    text = (
        f"def make({', '.join(parameters)}):\n"
        f"    made = twin({', '.join(names)})\n"
        f"    made.__class__ = cls\n"
        f"    return made\n"
    )
    exec(text, space)  # noqa: S102 - names of the class's own fields and nothing else
    make = space["make"]
    make.__name__ = make.__qualname__ = cls.__name__
    return cast("type[T]", make)
