"""Meters in the store: reserved with the nonce, asked again under the lock, exact whoever else is calling."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from intended_core import Allow, AuditError, Deny, Escalate, Granted
from intended_core.audit.fields import read_body
from intended_core.flows.effects import Flow, ReadRows
from intended_core.flows.evidence import Rerun, rerun
from intended_core.flows.metering import meter_rows
from intended_core.ids import Scope
from intended_core.unit import RowKey
from tests.reference.meter_world import AUDIENCE, METERED, paying, world


def said(outcome: object) -> str:
    if isinstance(outcome, Deny):
        return f"{outcome.kind} {' '.join(outcome.rules)}".strip()
    return "escalate" if isinstance(outcome, Escalate) else "allow" if isinstance(outcome, Allow) else "?"


def test_a_budget_is_spent_and_then_refuses(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, clock, _):
        answers = [said(tenant.authorize(paying("40.00"), audience=AUDIENCE)) for _ in range(3)]
        assert answers == ["allow", "allow", "forbid budget"]
        assert said(tenant.authorize(paying("20.00"), audience=AUDIENCE)) == "allow"
        assert said(tenant.authorize(paying("0.000000001"), audience=AUDIENCE)) == "forbid budget"
        clock.advance(seconds=86_400)
        assert said(tenant.authorize(paying("100.00"), audience=AUDIENCE)) == "allow"


def test_escalating_and_denying_reserve_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, _):
        for _ in range(3):
            assert said(tenant.authorize(paying("100.01"), audience=AUDIENCE)) == "forbid budget"
        assert said(tenant.authorize(paying("100.00"), audience=AUDIENCE)) == "allow"


def test_a_gate_over_its_ceiling_asks_and_a_sliding_window_moves_on(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, clock, _):
        answers = [said(tenant.authorize(paying("1.00"), audience=AUDIENCE)) for _ in range(21)]
        assert answers == ["allow"] * 20 + ["escalate"]
        clock.advance(seconds=60)
        assert said(tenant.authorize(paying("1.00"), audience=AUDIENCE)) == "allow"


def test_levels_survive_a_change_of_policy(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, _):
        assert said(tenant.authorize(paying("90.00"), audience=AUDIENCE)) == "allow"
        tenant.activate({"bench.policy": METERED.replace("risk: Int", "risk: Int, more?: Int")})
        assert said(tenant.authorize(paying("20.00"), audience=AUDIENCE)) == "forbid budget"


def test_what_was_not_redeemed_in_time_is_given_back(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, clock, _):
        assert said(tenant.authorize(paying("60.00"), audience=AUDIENCE)) == "allow"
        token = tenant.require(paying("30.00"), audience=AUDIENCE)
        tenant.redeem(token, paying("30.00").call(), adapter=tenant.adapter(AUDIENCE))
        swept = tenant.sweep()
        assert (swept.released, swept.used) == (0, 0)
        clock.advance(seconds=120)
        swept = tenant.sweep()
        assert (swept.released, swept.used) == (1, 1)
        assert said(tenant.authorize(paying("70.01"), audience=AUDIENCE)) == "forbid budget"
        assert said(tenant.authorize(paying("70.00"), audience=AUDIENCE)) == "allow"
        swept = tenant.sweep()
        assert (swept.released, swept.used) == (0, 0)


def test_the_levels_of_a_decision_are_in_its_record_and_bring_the_same_answer_again(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, _):
        seqs = [tenant.authorize(paying("40.00"), audience=AUDIENCE).seq for _ in range(3)]  # type: ignore[union-attr]
        checked = tenant.policy().policy
        assert checked is not None
        for seq, wanted in zip(seqs, ("allow by pay", "allow by pay", "deny(forbid) by budget"), strict=True):
            (row,) = tuple(tenant.records(start=seq or 0, stop=(seq or 0) + 1))
            body = read_body(row)
            entities = tenant.run(_snapshot(tenant.scope, str(body["entities_digest"])))
            inputs = {"tenant_uuid": tenant.scope.uuid, "environment": "live", "sources": checked.checked.sources,
                      "intent": str(body["intent"]).encode(), "entities": entities}  # fmt: skip
            assert rerun(**inputs, body=body) == Rerun(recorded=wanted, again=wanted, agrees=True)  # type: ignore[arg-type]
            for wrong in (None, [], [["money_out", "-1"]], [["money_out"]]):
                try:
                    assert not rerun(**inputs, body={**body, "meters": wrong}).agrees  # type: ignore[arg-type,dict-item]
                except AuditError as error:
                    assert error.code == "audit.rerun"


def _snapshot(scope: Scope, digest: str) -> Flow[bytes]:
    (row,) = yield ReadRows(scope, (RowKey("snapshot", digest),))
    return row.body


@pytest.mark.parametrize("callers", [64])
def test_no_budget_is_overspent_by_callers_at_once(tmp_path: Path, callers: int) -> None:
    with world(tmp_path, METERED.replace("calls > 20", "calls > 1000")) as (tenant, _, _):
        answers: Counter[str] = Counter()
        spent: list[int] = []
        lock, start = threading.Lock(), threading.Barrier(callers)

        def call() -> None:
            start.wait()
            for _ in range(2):
                outcome = tenant.authorize(paying("1.00"), audience=AUDIENCE)
                with lock:
                    answers[said(outcome)] += 1
                    spent.append(1 if isinstance(outcome, Granted) else 0)

        threads = [threading.Thread(target=call) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(spent) == answers["allow"] <= 100
        assert set(answers) <= {"allow", "forbid budget", "conflict", "unavailable"}
        while isinstance(tenant.authorize(paying("1.00"), audience=AUDIENCE), Granted):
            spent.append(1)
        assert sum(spent) == 100


def test_only_the_rows_of_the_counters_are_read() -> None:
    assert meter_rows([]) == ()
    assert [key.key for key in meter_rows([bytes([3]) * 32, bytes([67]) * 32, bytes([1]) * 32])] == ["directory", "shard:01", "shard:03"]


@pytest.mark.slow
@pytest.mark.timeout(1200)  # 60 s on two quiet cores
def test_a_hundred_thousand_reservations_stop_at_the_ceiling(tmp_path: Path) -> None:
    policy = METERED.replace("calls > 20", "calls > 1_000_000").replace("> 100.00", "> 99_000.00")
    with world(tmp_path, policy) as (tenant, _, _):
        granted, lock = [0], threading.Lock()

        def call() -> None:
            for _ in range(100_000 // 64 + 1):
                if isinstance(tenant.authorize(paying("1.00"), audience=AUDIENCE), Granted):
                    with lock:
                        granted[0] += 1

        threads = [threading.Thread(target=call) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert granted[0] == 99_000
