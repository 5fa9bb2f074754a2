"""What every desk is: one part of what operators and persons do for one tenant, reached as a property of `TenantAuthority`.

The calls of the request path (authorize, redeem, complete ...) stand on `TenantAuthority` itself; what is done by hand or by schedule
stands at a desk, in a room of its own. A desk drives flows of its scope and holds nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from intended_core.access.persons import LocalPersonKey
from intended_core.flows.effects import Context, Flow
from intended_core.flows.halt import Signatures
from intended_core.ids import EntityRef

__all__ = ["Desk", "Drives", "Keys", "given_by", "signature_of"]

T = TypeVar("T")
Keys = Sequence[tuple[EntityRef, LocalPersonKey]]


class Drives(Protocol):
    """What a desk asks of the authority that it stands in: to drive a flow of its scope."""

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow within the deadline of a request."""
        ...

    def operate(self, flow: Flow[T]) -> T:
        """Drive a flow within the deadline of an operator's work."""
        ...


def signature_of(key: LocalPersonKey | None, signature: bytes | None, asked: Callable[[], bytes]) -> bytes:
    """A person's signature: theirs from elsewhere, or made with their key over what is asked. Raises TypeError unless one is given."""
    if (key is None) == (signature is None):
        raise TypeError("give either the person's key or their signature")
    return key.sign(asked()) if key is not None else signature or b""


def given_by(digest: bytes, keys: Keys, signatures: Signatures) -> Signatures:
    """The signatures of everybody: of those whose local keys are here over `digest`, and those that were made elsewhere."""
    return [*((person, key.sign(digest)) for person, key in keys), *signatures]


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
