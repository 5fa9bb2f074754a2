"""The in-process transport: a redeemed call becomes a call of a Python function, and of no other than the one registered for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from intended_core import AdapterError, AssemblyError

__all__ = ["InProcessTransport", "in_process_transport", "is_async"]


class InProcessTransport:
    """The default `Transport`. `functions` names, for each action, what carries it out; the set is fixed from then on."""

    __slots__ = ("_functions",)

    def __init__(self, functions: Mapping[str, Callable[..., object]]) -> None:
        """Raises AssemblyError for an action without a name, and for what is not a plain callable (async ones would never run)."""
        for action, function in functions.items():
            if not isinstance(action, str) or not action:
                raise AssemblyError("an action of the in-process transport has a name")
            if not callable(function):
                raise AssemblyError(f"the action {action!r} needs a function to carry it out")
            if is_async(function):
                raise AssemblyError(
                    f"the function for {action!r} is async: the in-process transport calls plain functions"
                )
        self._functions: Final = MappingProxyType(dict(functions))

    def invoke(self, action: str, arguments: dict[str, object]) -> object:
        """Call the action's function with `arguments` by name and return its answer; what it raises comes out unchanged.

        AdapterError when no function carries this action out, or when it would take other arguments than these.
        """
        function = self._functions.get(action)
        if function is None:
            raise AdapterError(f"no function carries out the action {action!r} here")
        try:
            bound = inspect.signature(function).bind(**arguments)
        except (TypeError, ValueError):
            raise AdapterError(f"the function for {action!r} does not take these arguments") from None
        return function(*bound.args, **bound.kwargs)

    def __repr__(self) -> str:
        return f"InProcessTransport({sorted(self._functions)})"


def is_async(function: object) -> bool:
    """Whether calling `function` gives something that must still be awaited or iterated."""
    candidates = (function, getattr(function, "func", None), getattr(type(function), "__call__", None))  # noqa: B004
    return any(
        inspect.iscoroutinefunction(item) or inspect.isasyncgenfunction(item) or inspect.isgeneratorfunction(item)
        for item in candidates
    )


def in_process_transport(*, functions: Mapping[str, Callable[..., object]]) -> InProcessTransport:
    """The factory that is registered as transport `in-process`."""
    return InProcessTransport(functions)
