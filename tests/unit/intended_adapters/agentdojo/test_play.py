"""The players: a careful person, a transcript of what happened, and hijacked agents."""

from __future__ import annotations

from typing import Any

import pytest
from agentdojo.functions_runtime import FunctionCall

from intended_adapters.agentdojo.bench import load_suite
from intended_adapters.agentdojo.play import careful_person, make_pipeline


def test_the_careful_person_approves_each_needed_call_as_often_as_it_is_needed() -> None:
    tools = load_suite("banking").tools
    pay = {"recipient": "A", "amount": 1.0, "subject": "x", "date": "d"}
    says_yes = careful_person([FunctionCall(function="send_money", args=pay)], tools)
    assert not says_yes("send_money", {**pay, "amount": 2.0})
    assert not says_yes("update_password", {"password": "x"})
    assert says_yes("send_money", dict(pay))
    assert not says_yes("send_money", dict(pay))


def test_the_careful_person_knows_a_tools_defaults() -> None:
    tools = load_suite("banking").tools
    says_yes = careful_person([FunctionCall(function="get_most_recent_transactions", args={})], tools)
    assert says_yes("get_most_recent_transactions", {"n": 100})


def test_refused_calls_leave_no_tool_call_in_the_transcript() -> None:
    suite = load_suite("slack")
    task = suite.user_tasks["user_task_0"]

    class Refusing:
        def run_function(self, *_args: Any) -> tuple[str, str]:
            return "", "RefusedError: no"

    _, _, _, messages, _ = make_pipeline(task).query(task.PROMPT, Refusing(), suite.load_and_inject_default_environment({}))
    assert [message["tool_calls"] for message in messages] == [None, None]


@pytest.mark.parametrize(("when", "position"), [("early", 2), ("late", 3)])
def test_a_hijacked_agent_acts_when_it_has_read_the_injection_or_at_the_end(when: str, position: int) -> None:
    suite = load_suite("slack")
    task, injection = suite.user_tasks["user_task_1"], suite.injection_tasks["injection_task_3"]
    played: list[str] = []

    class Reading:
        def run_function(self, _env: Any, function: str, _args: Any) -> tuple[str, None]:
            played.append(function)
            return (f"page: {injection.GOAL}" if len(played) == 2 else "nothing"), None

    environment = suite.load_and_inject_default_environment({})
    make_pipeline(task, injection_task=injection, when=when).query(task.PROMPT, Reading(), environment)
    assert len(played) == 4
    assert played[position] == "get_webpage"
