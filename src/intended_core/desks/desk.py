"""What every desk is: one part of what operators and persons do for one tenant, reached as a property of `TenantAuthority`.

The calls of the request path (authorize, redeem, complete ...) stand on `TenantAuthority` itself; what is done by hand or by schedule
stands at a desk, in a room of its own. A desk drives flows of its scope and holds nothing else.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from intended_core.flows.effects import Context, Flow

__all__ = ["Desk", "Drives"]

T = TypeVar("T")


class Drives(Protocol):
    """What a desk asks of the authority that it stands in: to drive a flow of its scope."""

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow within the deadline of a request."""
        ...

    def operate(self, flow: Flow[T]) -> T:
        """Drive a flow within the deadline of an operator's work."""
        ...


class Desk:
    """One part of what is done for one tenant. Thread-safe, as the authority behind it is."""

    __slots__ = ("_context", "_driver")

    def __init__(self, *, context: Context, driver: Drives) -> None:
        self._context: Final = context
        self._driver: Final = driver

    @property
    def context(self) -> Context:
        """What flows of this scope run in."""
        return self._context

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._context.scope.tenant!r}, {self._context.scope.environment!r})"
