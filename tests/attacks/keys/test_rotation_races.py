"""Many rotate at once: one wins each round and the others adopt its key; whatever is signed meanwhile verifies."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from intended_core import Authority, Granted
from intended_core.authority import TenantAuthority
from intended_core.flows.rotate import Rotated, rotate
from intended_core.flows.runtime import drive
from intended_core.keys.ring import KeyState
from intended_core.testing.storage_cases import in_processes
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import Expected, verify
from tests.attacks.store.store_world import POLICY, bot
from tests.faults.schedules import Process
from tests.reference.flow_world import World, trace
from tests.reference.flow_world import intent as asking

ROTATORS = 8
ROUNDS = 1_000
ANEW = 10  # rounds on one ring: it is read whole, and grows by a key each


def one_winner(results: list[Rotated], before: str) -> str:
    """The kid that all of them say signs now, which one of them made."""
    told = Counter(result.state for result in results)
    assert told == {"rotated": 1, "adopted": len(results) - 1}, told
    (winner,) = (result for result in results if result.state == "rotated")
    assert {(result.active, result.previous) for result in results} == {(winner.active, before)}
    return winner.active


@pytest.fixture
def fast() -> World:
    """A world whose token keys are Ed25519: a thousand of them are made in no time."""
    world = World()
    world.tenant.rotate_keys(algorithm="Ed25519")
    world.save()
    return world


def _rounds(world: World, rounds: int) -> None:
    barrier = threading.Barrier(ROTATORS)

    def rotator(process: Process) -> Rotated:
        barrier.wait()
        return drive(process.runtime, process.context, rotate(process.context), seconds=60)

    with ThreadPoolExecutor(ROTATORS) as pool:
        for number in range(rounds):
            if number % ANEW == 0:
                world.restore()
                processes = [Process.of(world) for _ in range(ROTATORS)]
                signing = world.signing
            # Who looks at the ring after the winner's commit replaces the winner's key: a round of its own, not of this race.
            before = signing
            results = list(pool.map(rotator, processes))
            chain = sorted((result for result in results if result.state == "rotated"), key=lambda result: result.seq or 0)
            for link in chain:
                assert link.previous == signing, "a key was replaced that did not sign"
                signing = link.active
            made = {before, *(link.active for link in chain)}
            assert all(result.active in made for result in results)
            states = [record.state for record in world.tenant.keyring.records() if record.purpose == "token"]
            assert states.count(KeyState.ACTIVE) == 1
            assert world.signing == signing
    world.check()


def test_threads_that_all_saw_the_same_key(fast: World) -> None:
    """Every rotator has read the ring before the first one commits: exactly one wins each round."""
    for number in range(40):
        if number % ANEW == 0:
            fast.restore()
        before = fast.signing
        one_winner(all_read_first(fast), before)
    fast.check()


def all_read_first(world: World) -> list[Rotated]:
    """Step eight rotators up to their commit, then let them go together."""
    barrier = threading.Barrier(ROTATORS)

    def rotator(process: Process) -> Rotated:
        waited = [False]

        def before(effect: Any) -> None:
            if type(effect).__name__ == "Commit" and not waited[0]:
                waited[0] = True
                barrier.wait()

        seen = trace(_Seen(process), rotate(process.context), before)  # type: ignore[arg-type]
        assert seen.error is None, seen.error
        result: Rotated = seen.result
        return result

    processes = [Process.of(world) for _ in range(ROTATORS)]
    with ThreadPoolExecutor(ROTATORS) as pool:
        return list(pool.map(rotator, processes))


class _Seen:
    """What `trace` asks of a world, for one process on it."""

    def __init__(self, process: Process) -> None:
        self.runtime, self.context = process.runtime, process.context


@pytest.mark.slow
def test_threads_a_thousand_rounds(fast: World) -> None:
    for number in range(ROUNDS):
        if number % ANEW == 0:
            fast.restore()
        before = fast.signing
        one_winner(all_read_first(fast), before)
    fast.check()


def test_threads_that_come_as_they_like(fast: World) -> None:
    _rounds(fast, 25)


def found(folder: Path) -> Path:
    for name in ("store", "keys"):
        (folder / name).mkdir(parents=True)
    with Authority.create(folder / "store" / "a.db", key_file=folder / "keys" / "kek", durability="normal") as authority:
        acme = authority.create_tenant("acme", algorithm="Ed25519")
        acme.activate({"pay.policy": POLICY})
        acme.put_entities(bot(suspended=False))
    return folder


def opened(folder: Path) -> Authority:
    return Authority.open(folder / "store" / "a.db", key_file=folder / "keys" / "kek", durability="normal")


def _rotate_often(sending: Any, folder: Path, rounds: int) -> None:
    with opened(folder) as authority:
        acme = authority.tenant("acme")
        sending.send([(done.state, done.previous, done.active) for done in (acme.rotate_keys() for _ in range(rounds))])


def _processes(folder: Path, rounds: int, *, rotators: int) -> None:
    """Each of the processes rotates `rounds` times, as fast as it can: no key is replaced twice, and the ring is one chain."""
    answers, codes = in_processes(_rotate_often, [(found(folder), rounds)] * rotators)
    assert codes == [0] * rotators
    won = [(previous, active) for answer in answers for state, previous, active in answer if state == "rotated"]
    adopted = [(previous, active) for answer in answers for state, previous, active in answer if state == "adopted"]
    assert len(won) + len(adopted) == rotators * rounds
    replaced = [previous for previous, _ in won]
    assert len(set(replaced)) == len(replaced), "two rotators replaced one key"
    following = dict(won)
    (kid,) = set(replaced) - {active for _, active in won}
    length = 0
    while kid in following:
        kid, length = following[kid], length + 1
    assert length == len(won), "the ring is not one chain"
    with opened(folder) as authority:
        authority.probe()
        ring = authority.tenant("acme").policy().ring
        assert ring.active("token").kid == kid
        assert all(active in {record.kid for record in ring.records} for _, active in adopted)


def test_two_processes(tmp_path: Path) -> None:
    _processes(tmp_path / "bank", 8, rotators=2)


@pytest.mark.slow
def test_eight_processes_and_a_thousand_rotations(tmp_path: Path) -> None:
    _processes(tmp_path / "bank", 125, rotators=ROTATORS)


def _signed_while_rotating(world: World, tokens: int, *, redeemed: int) -> int:
    """Issue `tokens` on two threads while a third rotates without a pause; verify all of them and redeem some. Returns the rotations."""
    signers = [Process.of(world) for _ in range(2)]
    made: list[list[str]] = [[] for _ in signers]
    done, failures = threading.Event(), list[Any]()

    def sign(number: int) -> None:
        tenant = TenantAuthority(runtime=signers[number].runtime, context=signers[number].context)
        for _ in range(tokens // len(signers)):
            outcome = tenant.authorize(asking(), audience="bank")
            while not isinstance(outcome, Granted) and "conflict" in str(outcome.kind):
                outcome = tenant.authorize(asking(), audience="bank")  # rotations overtook it three times: asked again
            if not isinstance(outcome, Granted):
                failures.append(outcome)
                return
            made[number].append(outcome.token.text)

    def turn() -> int:
        count, rotator = 0, Process.of(world)
        while not done.is_set():
            drive(rotator.runtime, rotator.context, rotate(rotator.context), seconds=60)
            count += 1
            done.wait(0.01)
        return count

    with ThreadPoolExecutor(3) as pool:
        turning = pool.submit(turn)
        list(pool.map(sign, range(len(signers))))
        done.set()
        rotations = turning.result()
    assert failures == []
    state = world.tenant.policy()
    expected = Expected(scope=world.tenant.scope, issuer=state.issuer, audience="bank")
    every = [token for part in made for token in part]
    assert len(set(every)) == tokens
    kids = Counter()  # type: ignore[var-annotated]
    for token in every:
        unverified = parse(token)
        kids[unverified.kid_hint] += 1
        verify(unverified, expected=expected, find_key=state.ring.find, now_s=world.clock.now_us() // 1_000_000, max_life_s=60, leeway_s=2)
    assert len(kids) > 1, "nothing was rotated while tokens were signed"
    for token in every[:: max(1, tokens // redeemed)]:
        world.tenant.redeem(token, asking().call(), adapter=world.tenant.adapter("bank"))
    return rotations


def test_every_token_signed_during_rotations_verifies(fast: World) -> None:
    assert _signed_while_rotating(fast, 200, redeemed=20) > 1


@pytest.mark.slow
def test_every_token_of_ten_thousand_signed_during_rotations_verifies(fast: World) -> None:
    rotations = 0
    for _ in range(20):
        fast.restore()
        rotations += _signed_while_rotating(fast, 500, redeemed=25)
    assert rotations > 20


def test_a_prepared_rsa_key_makes_nobody_wait(world_of_rsa: World) -> None:
    """With the key made ahead, a rotation asks for no generation, and neither does a request."""
    before = world_of_rsa.signer._asked
    prepared = world_of_rsa.tenant.keyring.prepare()
    assert world_of_rsa.signer._asked == before + 1
    assert world_of_rsa.tenant.rotate_keys().active == prepared.kid
    token = world_of_rsa.tenant.require(asking(), audience="bank")
    world_of_rsa.tenant.redeem(token, asking().call(), adapter=world_of_rsa.tenant.adapter("bank"))
    assert world_of_rsa.signer._asked == before + 1


@pytest.fixture
def world_of_rsa() -> World:
    return World()
