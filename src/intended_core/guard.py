"""guard: embedding in one line. Authorizes, redeems, and only then lets the block or the function run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from intended_core.errors import AccessDeniedError
from intended_core.flows.obligations import read_obligations
from intended_core.flows.outcomes import denied
from intended_core.intent import Call, Intent
from intended_core.tokens.holder import HolderProof
from intended_core.tokens.issuer import SignedToken
from intended_core.tokens.redeemed import RedeemedToken

__all__ = ["Guard", "IntentMaker", "ObligationHandler", "Prover"]

R = TypeVar("R")
IntentMaker = Callable[..., Intent]
ObligationHandler = Callable[[Mapping[str, object]], object]
Prover = Callable[[SignedToken], HolderProof]  # of possession of the key that the token is bound to


class Guard:
    """As a context manager it yields the RedeemedToken of its intent; as a decorator it makes the intent from the arguments.

    Obligations that are due `before` the act are done first, by `obligations`: a callable for each name, called with the values in their
    wire form. One that is not known here, or that raises, means that nothing runs, although the token is spent.

    The decorated function is called with the RedeemedToken first, and then with its own arguments. What is not allowed raises
    AccessDeniedError before anything runs. A Guard with a fixed intent guards one block: each `with` asks again.
    """

    __slots__ = ("_intent", "_obligations", "_redeem", "_require")

    def __init__(
        self,
        *,
        intent: Intent | IntentMaker,
        require: Callable[[Intent], SignedToken],
        redeem: Callable[[SignedToken, Call], RedeemedToken],
        obligations: Mapping[str, ObligationHandler] = MappingProxyType({}),
    ) -> None:
        self._intent = intent
        self._require = require
        self._redeem = redeem
        self._obligations = dict(obligations)
        if any(inspect.iscoroutinefunction(handler) for handler in self._obligations.values()):
            raise TypeError("what does an obligation is called and not awaited: give functions that are not async")

    def _pass(self, intent: Intent) -> RedeemedToken:
        redeemed = self._redeem(self._require(intent), intent.call())
        due = [item for item in read_obligations(redeemed.claims.obl) if item.phase == "before"]
        for item in due:
            if item.name not in self._obligations:
                text = f"the obligation `{item.name}` is due before the act and is not known here"
                raise AccessDeniedError(text, outcome=denied("error", text))
        for item in due:
            if inspect.isawaitable(self._obligations[item.name](item.values)):
                text = f"the obligation `{item.name}` was not done: what does it is async, and nothing awaits it"
                raise AccessDeniedError(text, outcome=denied("error", text))
        return redeemed

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

        if inspect.iscoroutinefunction(function):
            raise TypeError("an async function is guarded by AsyncAuthority: this guard would hold up its event loop")

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> R:
            redeemed = self._pass(make(*args, **kwargs))
            return function(redeemed, *args, **kwargs)

        return guarded
