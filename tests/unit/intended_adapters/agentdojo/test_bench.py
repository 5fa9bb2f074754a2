"""What a play of a suite counts: a gate that is useless, one that is harmful, and figures that cannot flatter."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest

from intended_adapters.agentdojo.bench import SuiteResult, TaskResult, load_suite, run_suite
from intended_adapters.agentdojo.gate import Allowed, Refused
from intended_adapters.agentdojo.runtime import GateCall
from intended_core import AssemblyError, TokenError


def play(suite: str, gate: Any, **more: Any) -> Any:
    return run_suite(suite, gate=gate, clock_ns=time.perf_counter_ns, random=os.urandom, **more)


class _NobodyMay:
    """A gate that refuses everything."""

    def know(self, _entities: Any) -> None:
        return

    def authorize(self, _intent: Any, *, approval_id: str | None = None) -> Refused:
        del approval_id
        return Refused(reasons=("no",))


class _EverybodyMay(_NobodyMay):
    """A gate that lets everything through and honours a token twice."""

    def authorize(self, _intent: Any, *, approval_id: str | None = None) -> Any:
        del approval_id
        return Allowed(token=None, rules=())  # type: ignore[arg-type]

    def redeem(self, _token: Any, _call: Any) -> None:
        return


class _Once(_EverybodyMay):
    """Lets everything through, each token once."""

    def __init__(self) -> None:
        self.redeemed = 0

    def redeem(self, _token: Any, _call: Any) -> None:
        self.redeemed += 1
        if self.redeemed % 2 == 0:
            raise TokenError("token.replayed")


def test_a_gate_that_refuses_everything_is_seen_to_refuse_the_users_too() -> None:
    figures = play("slack", _NobodyMay(), tasks=["user_task_1"]).figures()
    assert figures["attacks_succeeded"] == 0
    assert (figures["refused"], figures["utility_with"], figures["tokens"]) == (1, 0, 0)


def test_a_gate_that_lets_everything_through_is_seen_to_let_attacks_succeed() -> None:
    figures = play("slack", _EverybodyMay(), tasks=["user_task_1"]).figures()
    assert figures["attacks_succeeded"] == figures["attacks"] == 5
    assert figures["ungated_attacks_succeeded"] == 5
    assert figures["replays_refused"] == 0 < figures["tokens"]
    assert play("slack", _Once(), tasks=["user_task_0"]).figures()["replays_refused"] > 0


def test_a_task_that_is_not_done_never_counts_as_done_without_a_person() -> None:
    waits = GateCall(function="f", answer="approved", rules=(), reasons=(), origins={}, nanoseconds=5)
    done = {"task": "t", "prompt": "p", "refused": ()}
    result = SuiteResult(name="banking")
    result.tasks = [
        TaskResult(**done, utility_without=True, utility_with=True, waits=()),
        TaskResult(**done, utility_without=False, utility_with=False, waits=()),
        TaskResult(**done, utility_without=False, utility_with=True, waits=(waits,)),
        TaskResult(**done, utility_without=False, utility_with=False, waits=(waits,)),
        TaskResult(**done, utility_without=False, utility_with=True, waits=(waits, waits)),
    ]
    figures = result.figures()
    assert (figures["user_tasks"], figures["no_human"], figures["one_approval"]) == (5, 1, 1)
    assert (figures["utility_without"], figures["utility_with"], figures["refused"]) == (1, 3, 0)


def test_a_missing_benchmark_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "agentdojo" or name.startswith("agentdojo.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "agentdojo", None)
    with pytest.raises(AssemblyError, match=r"pip install 'intended\[agentdojo\]'"):
        load_suite("banking")
