"""The benchmark's tool runtime behind the gate: every tool call is an intent, only a redeemed token runs the tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from intended_adapters.agentdojo.gate import Allowed, Gate, Waiting
from intended_adapters.agentdojo.host import Host
from intended_adapters.agentdojo.origins import Sources
from intended_core import IntendedError, TokenError

__all__ = ["Conversation", "GateCall", "RefusedError", "gated_runtime"]

Person = Callable[[str, Mapping[str, Any]], bool]
"""Says yes or no to one tool call that waits: its name and its arguments."""


class RefusedError(IntendedError):
    """The gate did not let a tool call through: refused, or nobody approved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCall:
    """One tool call at the gate. `answer`: allow, approved, waits or refused. `rules` decided; `nanoseconds` were spent at the gate."""

    function: str
    answer: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    origins: Mapping[str, tuple[str, ...]]
    nanoseconds: int


@dataclass(slots=True, kw_only=True)
class Conversation:
    """One user's conversation: its gate and host, the person who answers (None: nobody does), and what happened."""

    gate: Gate
    host: Host
    clock_ns: Callable[[], int]
    person: Person | None = None
    sources: Sources = field(default_factory=lambda: Sources(""))
    calls: list[GateCall] = field(default_factory=list)
    tokens: int = 0
    replays_refused: int = 0

    def user_said(self, prompt: str) -> None:
        """Begin: `prompt` is the user's own words, the only text whose values count as theirs."""
        self.sources = Sources(prompt)

    def pass_gate(self, function: str, args: Mapping[str, Any]) -> None:
        """Return when the call may run now, its token spent; raise RefusedError otherwise."""
        started = self.clock_ns()
        intent = self.host.intent(self.sources, function, args)
        outcome = self.gate.authorize(intent)
        answer = "allow"
        rules = outcome.rules if isinstance(outcome, Allowed | Waiting) else ()
        if isinstance(outcome, Waiting):
            answer = "waits"
            spent = self.clock_ns() - started
            said_yes = self.person is not None and self.person(function, args)
            started = self.clock_ns() - spent
            if said_yes:
                self.gate.approve(outcome.approval_id)
                outcome = self.gate.authorize(intent, approval_id=outcome.approval_id)
                answer = "approved"
        reasons: tuple[str, ...] = ()
        if isinstance(outcome, Allowed):
            # recomputed from what is about to run, not taken from the intent
            self.gate.redeem(outcome.token, self.host.call(function, args))
            self.tokens += 1
        elif not isinstance(outcome, Waiting):
            answer, reasons = "refused", outcome.reasons
        origins = {path: tuple(sorted(places)) for path, places in intent.origins.items()}
        spent = self.clock_ns() - started
        self.calls.append(
            GateCall(function=function, answer=answer, rules=rules, reasons=reasons, origins=origins, nanoseconds=spent)
        )
        if not isinstance(outcome, Allowed):
            raise RefusedError(f"{function} {answer}: {'; '.join(reasons) or 'a person has to approve this call'}")
        self._replay(outcome, function, args)

    def _replay(self, outcome: Allowed, function: str, args: Mapping[str, Any]) -> None:
        """Try the spent token again, for the same call: `replays_refused` stays behind `tokens` when one is honoured twice."""
        try:
            self.gate.redeem(outcome.token, self.host.call(function, args))
        except TokenError:
            self.replays_refused += 1


def gated_runtime(conversation: Conversation) -> Callable[[Sequence[Any]], Any]:
    """What to give as `runtime_class` to `TaskSuite.run_task_with_pipeline`: makes a runtime whose tools stand behind the gate."""
    from agentdojo.functions_runtime import FunctionsRuntime
    from pydantic import ValidationError

    class GatedRuntime(FunctionsRuntime):  # type: ignore[misc]  # the benchmark carries no types
        """A FunctionsRuntime in which `run_function` needs a token for each call, nested ones included."""

        def run_function(
            self, env: Any, function: str, kwargs: Mapping[str, Any], raise_on_error: bool = False
        ) -> tuple[Any, str | None]:
            try:
                tool = self.functions.get(function)
                if tool is None:
                    raise RefusedError(f"no tool is called {function}")
                resolved = self._execute_nested_calls(env, kwargs)
                args = tool.parameters.model_validate(resolved).model_dump()
                conversation.pass_gate(function, args)
            except (IntendedError, ValidationError) as error:
                if raise_on_error:
                    raise
                return "", f"{type(error).__name__}: {error}"
            result, problem = super().run_function(env, function, args)
            if problem is None:
                conversation.host.read(conversation.sources, function, args, result)
            else:
                conversation.sources.read_text(problem)
                if raise_on_error:
                    raise RefusedError(f"{function} failed: {problem}")
            return result, problem

    return GatedRuntime
