"""guard: embedding in one line. Authorizes, redeems, and only then lets the block or the function run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from intended_core.intent import Call, Intent
from intended_core.tokens.issuer import SignedToken
from intended_core.tokens.redeemed import RedeemedToken

__all__ = ["Guard", "IntentMaker"]

R = TypeVar("R")
IntentMaker = Callable[..., Intent]


class Guard:
    """As a context manager it yields the RedeemedToken of its intent; as a decorator it makes the intent from the arguments.

    The decorated function is called with the RedeemedToken first, and then with its own arguments. What is not allowed raises
    AccessDeniedError before anything runs. A Guard with a fixed intent guards one block: each `with` asks again.
    """

    __slots__ = ("_intent", "_redeem", "_require")

    def __init__(
        self,
        *,
        intent: Intent | IntentMaker,
        require: Callable[[Intent], SignedToken],
        redeem: Callable[[SignedToken, Call], RedeemedToken],
    ) -> None:
        self._intent = intent
        self._require = require
        self._redeem = redeem

    def _pass(self, intent: Intent) -> RedeemedToken:
        return self._redeem(self._require(intent), intent.call())

    def __enter__(self) -> RedeemedToken:
        if not isinstance(self._intent, Intent):
            raise TypeError("a guard made from a function is a decorator; give an Intent to guard a block")
        return self._pass(self._intent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, function: Callable[..., R]) -> Callable[..., R]:
        make = self._intent
        if isinstance(make, Intent):
            raise TypeError("a guard made from an Intent guards a block; give a function that makes one to decorate")

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> R:
            redeemed = self._pass(make(*args, **kwargs))
            return function(redeemed, *args, **kwargs)

        return guarded
