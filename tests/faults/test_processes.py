"""Real processes: two that redeem one token at once, and one that is killed between any two effects of a flow."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.world import AUDIENCE, ENTITIES, NOW_US, intent
from intended_core import (
    Authority,
    Deny,
    Entity,
    Grade,
    Granted,
    LocalPersonKey,
    ManualClock,
    Pending,
    Settings,
    SystemRandomness,
    TokenError,
    UnitRefusedError,
    verify_tenant_log,
)
from intended_core.flows.anchor import slot_key, tombstone_of
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.ids import Scope
from intended_core.unit import Row
from tests.faults.process_world import ASKING, BOB, CLOSE, CYD, DESK, FLOWS, both_keys, open_world, risky

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 1_000
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}


def make_world(folder: Path, tokens: int) -> None:
    """A store with tokens to redeem and a request to approve."""
    (folder / "data").mkdir(parents=True)
    (folder / "keys").mkdir()
    settings = Settings(token_life_seconds=300, flow_deadline_seconds=60)
    with Authority.create(
        folder / "data" / "a.db",
        key_file=folder / "keys" / "kek",
        clock=ManualClock(NOW_US),
        settings=settings,
        durability="normal",
    ) as authority:
        tenant = authority.create_tenant("acme")
        tenant.activate({"p.policy": ASKING})
        tenant.put_entities([*ENTITIES, Entity(ref=BOB, parents=frozenset({DESK}))])
        key = LocalPersonKey.generate(SystemRandomness())
        tenant.register_person(BOB, key.public_key)
        (folder / "bob.pem").write_bytes(key.to_pem())
        second = LocalPersonKey.generate(SystemRandomness())
        tenant.register_person(CYD, second.public_key)
        (folder / "cyd.pem").write_bytes(second.to_pem())
        tenant.keyring.prepare()
        tenant.secrets.put(AUDIENCE, "api-key", b"first")
        made = [tenant.require(intent(), audience=AUDIENCE).text for _ in range(tokens)]
        (folder / "tokens").write_text("\n".join(made))
        (folder / "token").write_text(made[0])
        waiting = tenant.authorize(risky(), audience=AUDIENCE)
        assert isinstance(waiting, Pending)
        (folder / "approval").write_text(waiting.approval_id)


@pytest.mark.slow
def test_two_processes_redeem_one_token_a_thousand_times(tmp_path: Path) -> None:
    make_world(tmp_path, ROUNDS)
    command = [sys.executable, "-m", "tests.faults.process_world", "race", str(tmp_path)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        wins = [0, 0]
        for number in range(ROUNDS):
            # Who is started first takes turns, so that neither wins by the order of two writes.
            for worker in workers if number % 2 else reversed(workers):
                assert worker.stdin is not None
                worker.stdin.write("\n")
                worker.stdin.flush()
            said = [worker.stdout.readline().strip() for worker in workers if worker.stdout is not None]
            assert sorted(said) == ["token.replayed", "won"], f"round {number}: {said}"
            wins[said.index("won")] += 1
        assert min(wins) > 0, f"one process won every round, so nothing was raced: {wins}"
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    with open_world(tmp_path) as authority:
        authority.probe()
        assert verify_tenant_log(authority.tenant("acme")).grade is Grade.CONSISTENT_UNPINNED


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    """A process that bears the children which are killed."""
    command = [sys.executable, "-m", "tests.faults.process_world", "nursery"]
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def killed(nursery: subprocess.Popen[str], folder: Path, flow: str, index: int, moment: str) -> bool:
    """Run the child; True when it was killed, False when it finished because the flow has fewer effects."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{folder} {flow} {index} {moment}\n")
    nursery.stdin.flush()
    code = int(nursery.stdout.readline())
    assert code in (0, -signal.SIGKILL), "the child failed by itself"
    return code != 0


def check_after(folder: Path, flow: str) -> None:
    """The store opens, its log holds, nothing is lost and nothing is usable twice."""
    with open_world(folder) as authority:
        authority.probe()
        tenant = authority.tenant("acme")
        assert verify_tenant_log(tenant).grade is Grade.CONSISTENT_UNPINNED
        bank, call = tenant.adapter(AUDIENCE), intent().call()
        consumed = sum(1 for row in tenant.records() if b'"k":"token.consumed"' in row.entry)
        try:
            tenant.redeem((folder / "token").read_text(), call, adapter=bank)
            again = 1
        except TokenError:
            again = 0
        assert consumed + again == 1, "a token was redeemed twice, or is lost"
        with pytest.raises(TokenError):
            tenant.redeem((folder / "token").read_text(), call, adapter=bank)
        approval = (folder / "approval").read_text()
        key = LocalPersonKey.from_pem((folder / "bob.pem").read_bytes())
        if tenant.approval(approval).state == "PENDING":
            tenant.approve(approval, person=BOB, key=key)
        else:
            assert flow == "approve"
            with pytest.raises(UnitRefusedError):
                tenant.approve(approval, person=BOB, key=key)
        assert isinstance(tenant.authorize(risky(), audience=AUDIENCE, approval=approval), Granted)
        if flow != "remove-secret":
            spent = tenant.redeem(tenant.require(intent(), audience=AUDIENCE), call, adapter=bank)
            assert tenant.secrets.open(spent, "api-key") in (b"first", b"second")
        states = [record.state.value for record in tenant.policy().ring.records if record.purpose == "token"]
        assert states.count("ACTIVE") == 1
        fresh = tenant.require(intent(), audience=AUDIENCE)
        tenant.redeem(fresh, call, adapter=bank)


def check_closed(folder: Path) -> str:
    """It goes on as if nothing had been, or has ended; with the next epoch at the latest its slot is a tombstone. Which of them it was."""
    with open_world(folder) as authority:
        closed, buried = authority.tenant("acme").closing.closed(), _buried(authority)
    if closed is None:
        assert not buried
        check_after(folder, CLOSE)
        return "goes on"
    with open_world(folder) as authority:
        authority.probe()
        tenant, anchor = authority.tenant("acme"), authority.anchor
        verdict = verify_tenant_log(tenant)
        assert (verdict.grade, verdict.findings, tenant.head().size) == (Grade.CONSISTENT_UNPINNED, (), closed.size)
        assert isinstance(tenant.authorize(intent(), audience=AUDIENCE), Deny)
        with pytest.raises(TokenError):
            tenant.redeem((folder / "token").read_text(), intent().call(), adapter=tenant.adapter(AUDIENCE))
        with pytest.raises(UnitRefusedError) as refused:
            authority.close_tenant("acme", reason="again", keys=both_keys(folder))
        assert refused.value.code == "tenant_closed"
        assert tenant.head().size == closed.size, "a record was written after the end"
        anchor.seal()
        assert _buried(authority)
        assert anchor.prove_slot(tenant.scope, epoch=anchor.size() - 1).opening.size == closed.size
    return "buried" if buried else "closed"


def _buried(authority: Authority) -> bool:
    def look(context: Context, scope: Scope) -> Flow[bool]:
        rows: Sequence[Row] = yield ReadRows(context.scope, (slot_key(scope),))
        return tombstone_of(context.mac.check(context.scope, rows[0]).row) is not None

    tenant = authority.tenant("acme")
    return tenant.operate(look(authority.anchor.context, tenant.scope))


@pytest.mark.slow
def test_a_tenant_is_closed_and_buried_or_goes_on(tmp_path: Path, nursery: subprocess.Popen[str]) -> None:
    made = tmp_path / "made"
    make_world(made, 1)
    with open_world(made) as authority:
        authority.anchor.seal()
        authority.anchor.release()
    seen = []
    for index, moment in ((index, moment) for index in range(64) for moment in ("before", "after")):
        folder = tmp_path / f"{index}-{moment}"
        shutil.copytree(made, folder)
        if not killed(nursery, folder, CLOSE, index, moment):
            break
        seen.append(check_closed(folder))
        shutil.rmtree(folder)
    assert sorted(seen, key=["goes on", "closed", "buried"].index) == seen, "what was done is undone at a later effect"
    assert set(seen) == {"goes on", "closed", "buried"}


@pytest.mark.slow
@pytest.mark.parametrize("flow", sorted(FLOWS))
def test_killed_between_any_two_effects(tmp_path: Path, nursery: subprocess.Popen[str], flow: str) -> None:
    make_world(tmp_path / "made", 1)
    deaths = 0
    for index in range(64):
        for moment in ("before", "after"):
            folder = tmp_path / f"{index}-{moment}"
            shutil.copytree(tmp_path / "made", folder)
            died = killed(nursery, folder, flow, index, moment)
            deaths += died
            if died:
                check_after(folder, flow)
            shutil.rmtree(folder)
        if not died:
            break
    assert deaths >= 6, f"{flow} has only {deaths / 2} effects: the child was not killed where it should be"
