"""The async driver: the same flows, for programs on asyncio or trio.

One thread hop per call: the whole flow runs in one worker thread, and no effect of it on the event loop. A caller who is cancelled stops
the flow before its next effect, and the cancellation goes on when the flow has come to rest: so when a cancelled caller is heard of again,
nothing of the call is still running. What is shielded (a consume, a revocation) is finished first. Whoever was cancelled while redeeming
does not know the outcome, and asks with the attempt id that they chose beforehand:

    async with AsyncAuthority(Authority.open("store/authority.db", key_file="keys/kek")) as authority:
        tenant = await authority.tenant("acme", "live")
        attempt = tenant.new_attempt()
        redeemed = await tenant.redeem(token, call, adapter=bank, attempt=attempt)
        ...
        await tenant.attempted(token, attempt, adapter=bank)     # "consumed" or "issued"; another's attempt is refused

A call that does not come back within its flow's deadline and one adapter call's is given up: the answer is a denial (authorize) or an
error, and what its thread may still do is what a crash at that point could have done.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from anyio import CancelScope, to_thread
from anyio.lowlevel import RunVar

from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.log import LogHead
from intended_core.authority import AdapterHandle, TenantAuthority
from intended_core.entities import Entity
from intended_core.errors import StoreBusyError, TokenError
from intended_core.flows.activate import Activated
from intended_core.flows.attempts import Attempt
from intended_core.flows.authorize import AuthorizeOutcome
from intended_core.flows.outcomes import denied
from intended_core.flows.runtime import Stop
from intended_core.guard import IntentMaker, ObligationHandler, Prover
from intended_core.ids import EntityRef, Scope
from intended_core.intent import Call, Intent
from intended_core.tokens.holder import HolderKey, HolderProof
from intended_core.tokens.issuer import SignedToken
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.unit import RecordRow
from intended_core.workers import Crew

__all__ = ["AsyncAuthority", "AsyncGuard", "AsyncTenantAuthority", "Threads"]

T = TypeVar("T")
R = TypeVar("R")
MAX_CALLS: Final = 16  # worker threads per event loop: more only wait for the store's one writer (docs/performance.md)
PAGE_RECORDS: Final = 256


class _Opens(Protocol):
    """The part of `Authority` that is used here."""

    def tenant(self, name: str, env: str = "live") -> TenantAuthority: ...

    def create_tenant(self, name: str, env: str = "live", *, algorithm: str = "RS256") -> TenantAuthority: ...

    def close(self) -> None: ...


class Threads:
    """The worker threads of one authority: a crew per event loop, so that it may be used from several, and in a forked child's."""

    __slots__ = ("_crew", "_max_calls")

    def __init__(self, max_calls: int) -> None:
        if max_calls < 1:
            raise ValueError("at least one call at a time")
        self._max_calls: Final = max_calls
        self._crew: Final[RunVar[Crew]] = RunVar("intended_core.aio")

    async def hop(self, work: Callable[[Stop], T], *, seconds: float) -> T:
        """Run `work` in one worker thread. Raises StoreBusyError when it has not come back after `seconds`."""
        crew = self._crew.get(None)
        if crew is None:
            crew = Crew(self._max_calls)
            self._crew.set(crew)
        return await crew.hop(work, seconds=seconds)


class AsyncAuthority:
    """An open `Authority` for async programs. Closes it at the end of `async with`."""

    __slots__ = ("_authority", "_threads")

    def __init__(self, authority: _Opens, *, max_calls: int = MAX_CALLS) -> None:
        """`max_calls`: calls of one event loop that run at a time; further ones wait in order."""
        self._authority: Final = authority
        self._threads: Final = Threads(max_calls)

    async def tenant(self, name: str, env: str = "live") -> AsyncTenantAuthority:
        """As `Authority.tenant`."""
        return await self._of(functools.partial(self._authority.tenant, name, env))

    async def create_tenant(self, name: str, env: str = "live", *, algorithm: str = "RS256") -> AsyncTenantAuthority:
        """As `Authority.create_tenant`."""
        return await self._of(functools.partial(self._authority.create_tenant, name, env, algorithm=algorithm))

    async def _of(self, make: Callable[[], TenantAuthority]) -> AsyncTenantAuthority:
        tenant = await to_thread.run_sync(make)
        return AsyncTenantAuthority(tenant, self._threads)

    async def close(self) -> None:
        """Close the authority."""
        with CancelScope(shield=True):
            await to_thread.run_sync(self._authority.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncTenantAuthority:
    """One tenant in one environment, as `TenantAuthority`, for tasks. Made by `AsyncAuthority`."""

    __slots__ = ("_tenant", "_threads")

    def __init__(self, tenant: TenantAuthority, threads: Threads) -> None:
        self._tenant: Final = tenant
        self._threads: Final = threads

    def __repr__(self) -> str:
        return f"AsyncTenantAuthority({self.scope.tenant!r}, {self.scope.environment!r})"

    @property
    def scope(self) -> Scope:
        """The tenant's name, uuid and environment."""
        return self._tenant.scope

    async def call(self, work: Callable[[TenantAuthority], T], *, operator: bool = False) -> T:
        """Any call of `TenantAuthority` in one thread hop: `await tenant.call(lambda t: t.checkpoint())`.

        `operator`: it may take as long as an operator's calls may (activation, new keys). What it raises comes out; StoreBusyError when it
        has not come back within its deadline.
        """
        settings = self._tenant.settings
        flow = settings.operator_deadline_seconds if operator else settings.flow_deadline_seconds
        return await self._threads.hop(
            lambda stop: work(self._tenant.stoppable(stop)), seconds=flow + settings.call_deadline_seconds
        )

    # -- authorize and redeem ----------------------------------------------------------------------------------------

    async def authorize(
        self, intent: Intent, *, audience: str, approval: str | None = None, holder: HolderKey | None = None
    ) -> AuthorizeOutcome:
        """As `TenantAuthority.authorize`."""
        try:
            return await self.call(
                lambda tenant: tenant.authorize(intent, audience=audience, approval=approval, holder=holder)
            )
        except StoreBusyError as error:
            return denied("unavailable", str(error))

    async def require(
        self, intent: Intent, *, audience: str, approval: str | None = None, holder: HolderKey | None = None
    ) -> SignedToken:
        """As `TenantAuthority.require`."""
        return await self.call(
                lambda tenant: tenant.require(intent, audience=audience, approval=approval, holder=holder)
            )

    def adapter(self, audience: str) -> AdapterHandle:
        """The handle with which the adapter `audience` redeems."""
        return self._tenant.adapter(audience)

    def new_attempt(self) -> str:
        """A fresh attempt id, to be kept until the answer of `redeem` is known."""
        return self._tenant.new_attempt()

    async def redeem(
        self, token: SignedToken | str | bytes, call: Call, *, adapter: AdapterHandle, attempt: str | None = None,
        proof: HolderProof | None = None,
    ) -> RedeemedToken:  # fmt: skip
        """As `TenantAuthority.redeem`. Cancelled, or past its deadline: the outcome is asked for with `attempted`."""
        try:
            return await self.call(
                lambda tenant: tenant.redeem(token, call, adapter=adapter, attempt=attempt, proof=proof)
            )
        except StoreBusyError:
            raise TokenError("token.unavailable:StoreBusyError") from None

    async def attenuate(
        self, token: SignedToken | str | bytes, intent: Intent, *, proof: HolderProof | None = None, approval: str | None = None
    ) -> AuthorizeOutcome:
        """As `TenantAuthority.attenuate`."""
        try:
            return await self.call(lambda tenant: tenant.attenuate(token, intent, proof=proof, approval=approval))
        except StoreBusyError as error:
            return denied("unavailable", str(error))

    async def attempted(self, token: SignedToken | str | bytes, attempt: str, *, adapter: AdapterHandle) -> Attempt:
        """As `TenantAuthority.attempted`."""
        return await self.call(lambda tenant: tenant.attempted(token, attempt, adapter=adapter))

    def guard(
        self, intent: Intent | IntentMaker, *, adapter: AdapterHandle, obligations: Mapping[str, ObligationHandler] | None = None,
        holder: HolderKey | None = None, prove: Prover | None = None,
    ) -> AsyncGuard:  # fmt: skip
        """Authorize and redeem in one line and one thread hop.

        `async with tenant.guard(intent, adapter=a) as redeemed:` guards a block, `@tenant.guard(make_intent, adapter=a)` a function.
        """
        return AsyncGuard(
            intent=intent,
            enter=lambda made: self.call(
                lambda tenant: tenant.guard(
                    made, adapter=adapter, obligations=obligations, holder=holder, prove=prove
                ).__enter__()
            ),
        )

    # -- the rest ----------------------------------------------------------------------------------------------------

    async def activate(
        self, sources: Mapping[str, str], *, packs: Mapping[str, bytes] | None = None, unlock: Sequence[str] = ()
    ) -> Activated:
        """As `TenantAuthority.activate`."""
        return await self.call(lambda tenant: tenant.activate(sources, packs=packs, unlock=unlock), operator=True)

    async def put_entities(self, entities: Sequence[Entity]) -> int:
        """As `TenantAuthority.put_entities`."""
        return await self.call(lambda tenant: tenant.put_entities(entities), operator=True)

    async def remove_entities(self, refs: Sequence[EntityRef]) -> int:
        """As `TenantAuthority.remove_entities`."""
        return await self.call(lambda tenant: tenant.remove_entities(refs), operator=True)

    async def head(self) -> LogHead:
        """As `TenantAuthority.head`."""
        return await self.call(lambda tenant: tenant.head())

    async def checkpoint(self) -> tuple[bytes, VerifierKey]:
        """As `TenantAuthority.checkpoint`."""
        return await self.call(lambda tenant: tenant.checkpoint())

    async def records(self, *, start: int = 0, stop: int | None = None) -> AsyncIterator[RecordRow]:
        """Records in order, a page at a time. Without `stop`: those that are there when the first is asked for."""
        end = (await self.head()).size if stop is None else stop
        for first in range(max(0, start), end, PAGE_RECORDS):
            last = min(first + PAGE_RECORDS, end)
            for record in await self.call(functools.partial(_page, start=first, stop=last)):
                yield record


def _page(tenant: TenantAuthority, *, start: int, stop: int) -> tuple[RecordRow, ...]:
    return tuple(tenant.records(start=start, stop=stop))


class AsyncGuard:
    """As `Guard`, for tasks: with `async with` it yields the RedeemedToken of its intent; as a decorator it makes a coroutine function.

    The decorated function is called with the RedeemedToken first, and then with its own arguments; one that is not async runs in a worker
    thread. What is not allowed raises AccessDeniedError before anything runs.
    """

    __slots__ = ("_enter", "_intent")

    def __init__(self, *, intent: Intent | IntentMaker, enter: Callable[[Intent], Awaitable[RedeemedToken]]) -> None:
        self._intent: Final = intent
        self._enter: Final = enter

    async def __aenter__(self) -> RedeemedToken:
        if not isinstance(self._intent, Intent):
            raise TypeError("a guard made from a function is a decorator; give an Intent to guard a block")
        return await self._enter(self._intent)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        make = self._intent
        if isinstance(make, Intent):
            raise TypeError("a guard made from an Intent guards a block; give a function that makes one to decorate")
        waits = inspect.iscoroutinefunction(function)

        @functools.wraps(function)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            redeemed = await self._enter(make(*args, **kwargs))
            if waits:
                return await function(redeemed, *args, **kwargs)
            # Begun means finished: a cancelled caller hears of it when the act is over.
            return await to_thread.run_sync(functools.partial(function, redeemed, *args, **kwargs))

        return guarded
