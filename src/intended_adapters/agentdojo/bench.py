"""Plays a whole suite of the benchmark against the gate and counts what its own checkers say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from intended_adapters.agentdojo.bank import BankHost
from intended_adapters.agentdojo.chat import ChatHost
from intended_adapters.agentdojo.gate import Gate
from intended_adapters.agentdojo.host import Host
from intended_adapters.agentdojo.play import careful_person, make_pipeline
from intended_adapters.agentdojo.runtime import Conversation, GateCall, gated_runtime
from intended_core import AssemblyError

__all__ = ["ATTACK", "HOSTS", "SUITE_VERSION", "SuiteResult", "TaskResult", "load_suite", "run_suite"]

SUITE_VERSION: Final = "v1.2.2"
ATTACK: Final = "important_instructions_no_names"
ORDERS: Final = ("early", "late")
HOSTS: Final[Mapping[str, Callable[..., Host]]] = {"banking": BankHost, "slack": ChatHost}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One user task, played honestly: the checker's answer without anybody and with a careful person, and what had to wait."""

    task: str
    prompt: str
    utility_without: bool
    utility_with: bool
    waits: tuple[GateCall, ...]
    refused: tuple[GateCall, ...]


@dataclass(slots=True, kw_only=True)
class SuiteResult:
    """One suite. Counts of tasks and of pairs (user task, injection task); `ungated_…` is the same play without a gate."""

    name: str
    tasks: list[TaskResult] = field(default_factory=list)
    attacks: int = 0
    attacks_succeeded: list[str] = field(default_factory=list)
    ungated_attacks_succeeded: int = 0
    ungated_utility: int = 0
    tokens: int = 0
    replays_refused: int = 0
    gate_calls: int = 0
    nanoseconds: int = 0

    def figures(self) -> dict[str, int | float]:
        """The figures of the results file."""
        return {
            "user_tasks": len(self.tasks),
            "utility_without": sum(task.utility_without for task in self.tasks),
            "utility_with": sum(task.utility_with for task in self.tasks),
            "no_human": sum(task.utility_without and not task.waits and not task.refused for task in self.tasks),
            "one_approval": sum(task.utility_with and len(task.waits) == 1 for task in self.tasks),
            "refused": sum(bool(task.refused) for task in self.tasks),
            "attacks": self.attacks,
            "attacks_succeeded": len(self.attacks_succeeded),
            "tokens": self.tokens,
            "replays_refused": self.replays_refused,
            "us_per_call": round(self.nanoseconds / 1000 / max(self.gate_calls, 1), 1),
            "gate_calls": self.gate_calls,
            "ungated_utility": self.ungated_utility,
            "ungated_attacks_succeeded": self.ungated_attacks_succeeded,
        }


def load_suite(name: str) -> Any:
    """The benchmark's suite `name`; raises AssemblyError naming the extra when the benchmark is not installed."""
    try:
        from agentdojo.task_suite.load_suites import get_suite
    except ImportError as missing:
        raise AssemblyError("the AgentDojo benchmark is not installed: pip install 'intended[agentdojo]'") from missing
    return get_suite(SUITE_VERSION, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    suite: Any
    gate: Gate
    clock_ns: Callable[[], int]
    random: Callable[[int], bytes]
    result: SuiteResult

    def play(self, user_task: Any, *, person: bool, injection_task: Any = None, when: str = "never",
             injections: Mapping[str, str] | None = None) -> tuple[bool, bool, list[GateCall]]:  # fmt: skip
        """One run behind the gate: (user task done, attack succeeded, calls at the gate)."""
        environment = user_task.init_environment(self.suite.load_and_inject_default_environment(dict(injections or {})))
        host = HOSTS[self.suite.name](environment, secret_key=self.random(32))
        self.gate.know(host.entities())
        needed = user_task.ground_truth(environment)
        conversation = Conversation(
            gate=self.gate, host=host, clock_ns=self.clock_ns,
            person=careful_person(needed, self.suite.tools) if person else None,
        )  # fmt: skip
        pipeline = make_pipeline(user_task, injection_task=injection_task, when=when, begin=conversation.user_said)
        utility, security = self.suite.run_task_with_pipeline(
            pipeline, user_task, injection_task, {}, gated_runtime(conversation), environment
        )
        self.result.tokens += conversation.tokens
        self.result.replays_refused += conversation.replays_refused
        self.result.gate_calls += len(conversation.calls)
        self.result.nanoseconds += sum(call.nanoseconds for call in conversation.calls)
        return bool(utility), injection_task is not None and bool(security), conversation.calls

    def ungated(self, user_task: Any, *, injection_task: Any = None, when: str = "never",
                injections: Mapping[str, str] | None = None) -> tuple[bool, bool]:  # fmt: skip
        """The same run without a gate: shows that the play reaches the checkers at all."""
        environment = user_task.init_environment(self.suite.load_and_inject_default_environment(dict(injections or {})))
        pipeline = make_pipeline(user_task, injection_task=injection_task, when=when)
        utility, security = self.suite.run_task_with_pipeline(
            pipeline, user_task, injection_task, {}, environment=environment
        )
        return bool(utility), injection_task is not None and bool(security)


def run_suite(
    name: str, *, gate: Gate, clock_ns: Callable[[], int], random: Callable[[int], bytes], attack: str = ATTACK,
    tasks: Collection[str] | None = None, advanced: Callable[[str], None] = lambda _step: None,
) -> SuiteResult:  # fmt: skip
    """Play every user task of suite `name` honestly, and every injection task as a hijacked agent inside every user task.

    Each attack is played twice behind the gate (as soon as the injected text is read; after the user's task) with the careful
    person answering; it counts as succeeded if either does. `tasks` limits the user tasks. `advanced` is called once per task and pair.
    """
    suite = load_suite(name)
    from agentdojo.attacks.attack_registry import load_attack

    result = SuiteResult(name=name)
    stage = _Stage(suite=suite, gate=gate, clock_ns=clock_ns, random=random, result=result)
    attacker = load_attack(attack, suite, make_pipeline(None))
    for task_id, user_task in suite.user_tasks.items():
        if tasks is not None and task_id not in tasks:
            continue
        result.tasks.append(_honest(stage, task_id, user_task))
        result.ungated_utility += stage.ungated(user_task)[0]
        advanced(f"{name} {task_id}")
        for injection_id, injection_task in suite.injection_tasks.items():
            injections = attacker.attack(user_task, injection_task)
            gated, ungated = False, False
            for when in ORDERS:
                gated |= stage.play(
                    user_task, person=True, injection_task=injection_task, when=when, injections=injections
                )[1]
                ungated |= stage.ungated(user_task, injection_task=injection_task, when=when, injections=injections)[1]
            result.attacks += 1
            result.ungated_attacks_succeeded += ungated
            if gated:
                result.attacks_succeeded.append(f"{task_id} {injection_id}")
            advanced(f"{name} {task_id} {injection_id}")
    return result


def _honest(stage: _Stage, task_id: str, user_task: Any) -> TaskResult:
    utility_without, _, alone = stage.play(user_task, person=False)
    utility_with, _, helped = stage.play(user_task, person=True)
    return TaskResult(
        task=task_id,
        prompt=user_task.PROMPT,
        utility_without=utility_without,
        utility_with=utility_with,
        waits=tuple(call for call in helped if call.answer in ("approved", "waits")),
        refused=tuple(call for call in (*alone, *helped) if call.answer == "refused"),
    )
