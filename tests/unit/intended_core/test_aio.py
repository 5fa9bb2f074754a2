"""The async driver on asyncio and trio: the same answers, one thread per call, and nothing left running behind a cancelled caller."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from intended_core import AccessDeniedError, Deny, Granted, Pending, RedeemedToken, TokenError
from intended_core.aio import AsyncAuthority, AsyncTenantAuthority
from intended_core.authority import TenantAuthority
from intended_core.flows.effects import Commit, Draw, Sign
from intended_core.flows.runtime import Runtime
from intended_core.intent import Intent
from tests.reference.flow_world import CLOSED, ENTITIES, POLICY, World, intent, pay

BACKENDS = ("asyncio", "trio")


class Opened:
    """Stands for an open authority with one tenant."""

    def __init__(self, world: World) -> None:
        self.world, self.closed = world, False

    def tenant(self, name: str, env: str = "live") -> TenantAuthority:
        return self.world.tenant

    def create_tenant(self, name: str, env: str = "live", *, algorithm: str = "RS256") -> TenantAuthority:
        return self.world.tenant

    def close(self) -> None:
        self.closed = True


def run(backend: str, world: World, work: Callable[[AsyncTenantAuthority], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with AsyncAuthority(Opened(world)) as authority:
            return await work(await authority.tenant("acme"))

    return anyio.run(main, backend=backend)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


def holding(
    monkeypatch: pytest.MonkeyPatch, world: World, kind: type[Any], *, before: bool = False
) -> tuple[threading.Event, threading.Event]:
    """The first effect of this kind in `world` stands still, before or after it happened, until it is let go."""
    inside, leave = threading.Event(), threading.Event()
    honest = Runtime._perform

    def perform(self: Runtime, effect: Any, context: Any) -> Any:
        if self is not world.runtime or not isinstance(effect, kind) or inside.is_set():
            return honest(self, effect, context)
        answer = None if before else honest(self, effect, context)
        inside.set()
        leave.wait(30)
        return honest(self, effect, context) if before else answer

    monkeypatch.setattr(Runtime, "_perform", perform)
    return inside, leave


def test_the_answers_are_those_of_the_sync_driver(world: World, backend: str) -> None:
    async def work(tenant: AsyncTenantAuthority) -> None:
        assert tenant.scope == world.tenant.scope
        assert repr(tenant) == "AsyncTenantAuthority('acme', 'live')"
        bank = tenant.adapter("bank")
        granted = await tenant.authorize(intent(), audience="bank")
        assert isinstance(granted, Granted)
        redeemed = await tenant.redeem(granted.token, pay(), adapter=bank)
        assert isinstance(redeemed, RedeemedToken)
        with pytest.raises(TokenError):
            await tenant.redeem(granted.token, pay(), adapter=bank)
        assert isinstance(await tenant.authorize(intent(account=CLOSED), audience="bank"), Deny)
        assert isinstance(await tenant.authorize(intent("500.00"), audience="bank"), Pending)
        with pytest.raises(AccessDeniedError):
            await tenant.require(intent(account=CLOSED), audience="bank")
        assert (await tenant.require(intent(), audience="bank")).text.count(".") == 2
        assert await tenant.put_entities(ENTITIES[:1]) > 0
        assert await tenant.remove_entities([CLOSED]) > 0
        assert (await tenant.activate({"bank.policy": POLICY})).digest
        head = await tenant.head()
        assert [record.seq async for record in tenant.records(start=2)] == list(range(2, head.size))
        note, _ = await tenant.checkpoint()
        assert note
        assert await tenant.call(lambda sync: sync.scope.tenant) == "acme"

    run(backend, world, work)
    world.check()


def test_the_authority_is_closed_at_the_end(world: World, backend: str) -> None:
    async def main() -> Opened:
        opened = Opened(world)
        async with AsyncAuthority(opened) as authority:
            assert (await authority.create_tenant("acme")).scope == world.tenant.scope
            assert not opened.closed
        return opened

    assert anyio.run(main, backend=backend).closed
    with pytest.raises(ValueError, match="at least one"):
        AsyncAuthority(Opened(world), max_calls=0)


def test_one_hop_per_call_and_none_on_the_event_loop(world: World, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    honest = Runtime._perform

    def perform(self: Runtime, effect: Any, context: Any) -> Any:
        seen.append(threading.get_ident())
        return honest(self, effect, context)

    monkeypatch.setattr(Runtime, "_perform", perform)

    async def work(tenant: AsyncTenantAuthority) -> None:
        for _ in range(2):
            seen.clear()
            async with tenant.guard(intent(), adapter=tenant.adapter("bank")):
                assert len(set(seen)) == 1
                assert threading.get_ident() not in seen

    run(backend, world, work)


def test_many_tasks_and_every_token_is_good_once(world: World, backend: str) -> None:
    outcomes: list[Any] = []

    async def one(tenant: AsyncTenantAuthority) -> None:
        token = await tenant.require(intent(), audience="bank")
        for _ in range(2):
            try:
                outcomes.append(await tenant.redeem(token, pay(), adapter=tenant.adapter("bank")))
            except TokenError as error:
                outcomes.append(error.code)

    async def work(tenant: AsyncTenantAuthority) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(24):
                tasks.start_soon(one, tenant)

    run(backend, world, work)
    assert sum(isinstance(outcome, RedeemedToken) for outcome in outcomes) == 24
    assert outcomes.count("token.replayed") == 24
    world.check()


def test_a_guard_guards_async_and_sync_functions_and_blocks(world: World, backend: str) -> None:
    def wanted(amount: str) -> Intent:
        return intent(amount)

    async def work(tenant: AsyncTenantAuthority) -> None:
        bank = tenant.adapter("bank")

        @tenant.guard(wanted, adapter=bank)
        async def transfer(redeemed: RedeemedToken, amount: str) -> str:
            await anyio.lowlevel.checkpoint()
            return f"{redeemed.call.action} {amount}"

        @tenant.guard(wanted, adapter=bank)
        def blocking(redeemed: RedeemedToken, amount: str) -> tuple[str, int]:
            return amount, threading.get_ident()

        assert await transfer("12.00") == "pay 12.00"
        amount, thread = await blocking("13.00")
        assert amount == "13.00"
        assert thread != threading.get_ident()
        with pytest.raises(AccessDeniedError):
            await transfer("500.00")
        with pytest.raises(TypeError):
            tenant.guard(intent(), adapter=bank)(blocking)
        with pytest.raises(TypeError):
            async with tenant.guard(wanted, adapter=bank):
                pass

    run(backend, world, work)


def test_a_sync_guard_refuses_an_async_function(world: World) -> None:
    async def act(redeemed: RedeemedToken) -> None: ...

    with pytest.raises(TypeError, match="AsyncAuthority"):
        world.tenant.guard(intent, adapter=world.tenant.adapter("bank"))(act)


def test_a_caller_who_goes_before_the_commit_leaves_nothing(
    world: World, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while an effect before the consume is under way: the flow ends there, and the token is still good."""
    inside, leave = holding(monkeypatch, world, Draw)

    async def work(tenant: AsyncTenantAuthority) -> None:
        await _cancelled_inside(lambda: tenant.redeem(world.token, pay(), adapter=tenant.adapter("bank")), inside, leave)
        assert (await tenant.redeem(world.token, pay(), adapter=tenant.adapter("bank"))).seq

    run(backend, world, work)
    world.check()


async def _cancelled_inside(
    call: Callable[[], Awaitable[Any]], inside: threading.Event, leave: threading.Event
) -> None:
    ended: list[bool] = []

    async def caller() -> None:
        try:
            await call()
        except anyio.get_cancelled_exc_class():
            ended.append(leave.is_set())
            raise

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(caller)
        await anyio.to_thread.run_sync(inside.wait, 30)
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(leave.set)
    assert ended == [True], "the cancellation went on only when the flow had come to rest"


def test_a_caller_who_goes_during_the_consume_asks_by_attempt_id(
    world: World, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, leave = holding(monkeypatch, world, Commit, before=True)

    async def work(tenant: AsyncTenantAuthority) -> None:
        bank, attempt = tenant.adapter("bank"), tenant.new_attempt()
        assert (await tenant.attempted(world.token, attempt, adapter=bank)).state == "issued"
        await _cancelled_inside(
            lambda: tenant.redeem(world.token, pay(), adapter=bank, attempt=attempt), inside, leave
        )
        assert (await tenant.attempted(world.token, attempt, adapter=bank)).state == "consumed"
        with pytest.raises(TokenError):
            await tenant.attempted(world.token, tenant.new_attempt(), adapter=bank)
        with pytest.raises(TokenError):
            await tenant.redeem(world.token, pay(), adapter=bank, attempt=attempt)

    run(backend, world, work)
    world.check()


def test_a_native_asyncio_cancellation_is_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, leave = holding(monkeypatch, world, Commit, before=True)

    async def work(tenant: AsyncTenantAuthority) -> None:
        bank, attempt = tenant.adapter("bank"), tenant.new_attempt()
        task = asyncio.ensure_future(tenant.redeem(world.token, pay(), adapter=bank, attempt=attempt))
        await anyio.to_thread.run_sync(inside.wait, 30)
        task.cancel()
        threading.Timer(0.01, leave.set).start()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert leave.is_set()
        assert (await tenant.attempted(world.token, attempt, adapter=bank)).state == "consumed"

    run("asyncio", world, work)
    world.check()


def test_a_caller_who_goes_while_the_token_is_signed_leaves_no_usable_token(
    world: World, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, leave = holding(monkeypatch, world, Sign)

    async def work(tenant: AsyncTenantAuthority) -> None:
        await _cancelled_inside(lambda: tenant.authorize(intent(), audience="bank"), inside, leave)

    run(backend, world, work)
    world.check()


def test_a_call_that_does_not_come_back_is_given_up(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()  # of its own: the threads that are given up here may still commit while the next test runs
    inside, leave = holding(monkeypatch, world, Commit, before=True)
    settings = replace(world.context.settings, flow_deadline_seconds=0.05, call_deadline_seconds=0.0)
    context = replace(world.context, settings=settings)
    tenant_of = TenantAuthority(runtime=world.runtime, context=context)
    monkeypatch.setattr(Opened, "tenant", lambda self, name, env="live": tenant_of)

    async def work(tenant: AsyncTenantAuthority) -> Any:
        try:
            with pytest.raises(TokenError):
                await tenant.redeem(world.token, pay(), adapter=tenant.adapter("bank"))
            inside.clear()
            outcome = await tenant.authorize(intent(), audience="bank")
            assert isinstance(outcome, Deny)
            assert outcome.kind == "unavailable"
        finally:
            leave.set()

    run(backend, world, work)


def test_who_is_cancelled_in_the_queue_has_begun_nothing(
    world: World, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, leave = holding(monkeypatch, world, Commit, before=True)
    before = world.data()

    async def main() -> None:
        async with AsyncAuthority(Opened(world), max_calls=1) as authority:
            tenant = await authority.tenant("acme")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: tenant.authorize(intent(), audience="bank"))
                await anyio.to_thread.run_sync(inside.wait, 30)
                with anyio.move_on_after(0.02) as late:
                    await tenant.redeem(world.token, pay(), adapter=tenant.adapter("bank"))
                assert late.cancelled_caught
                leave.set()
            assert (await tenant.redeem(world.token, pay(), adapter=tenant.adapter("bank"))).seq > len(before.records)

    anyio.run(main, backend=backend)
    world.check()
