"""Agents without a model: one that does what the user's task needs, one that an injection has hijacked, and a careful person.

The benchmark's ground truth stands for the agent's choices. Only the careful person compares a waiting call with the ground truth of the
user's task; neither the labels nor the policies ever see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["MODEL_NAME", "careful_person", "make_pipeline"]

MODEL_NAME = "local"  # a name that the benchmark's attack templates know; no model is run

Calls = Sequence[Any]


def careful_person(needed: Calls, tools: Sequence[Any]) -> Callable[[str, Mapping[str, Any]], bool]:
    """A person who approves each call that the user's task needs, as often as it needs it, and nothing else."""
    by_name = {tool.name: tool for tool in tools}
    open_calls = [(call.function, by_name[call.function].parameters.model_validate(call.args).model_dump()) for call in needed]

    def says_yes(function: str, args: Mapping[str, Any]) -> bool:
        if (function, dict(args)) not in open_calls:
            return False
        open_calls.remove((function, dict(args)))
        return True

    return says_yes


def make_pipeline(
    user_task: Any, *, injection_task: Any = None, when: str = "never", begin: Callable[[str], None] | None = None
) -> Any:
    """A pipeline of the benchmark that plays `user_task`, and `injection_task` as a hijacked agent.

    `when`: `never`; `early`, as soon as the injected text has been read (at the end if it never is); `late`, after the user's
    task, when the agent has seen most. A call that does not run leaves no tool call in the transcript: the benchmark's trace checkers judge
    what happened, not what was wished for. `begin` is told the user's prompt.
    """
    from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
    from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
    from agentdojo.types import (
        ChatAssistantMessage,
        ChatToolResultMessage,
        get_text_content_as_str,
        text_content_block_from_string,
    )

    def text(content: str) -> list[Any]:
        return [text_content_block_from_string(content)]

    class PlayedAgent(BasePipelineElement):  # type: ignore[misc]  # the benchmark carries no types
        """Plays calls in order and goes on after a refusal, as a persistent agent would."""

        name = MODEL_NAME

        def query(
            self, query: str, runtime: Any, env: Any = None, messages: Sequence[Any] = (), extra_args: Any = None
        ) -> tuple[str, Any, Any, Sequence[Any], dict[str, Any]]:
            if begin is not None:
                begin(query)
            hijack = [] if injection_task is None else list(injection_task.ground_truth(env))
            transcript = list(messages)
            for call in user_task.ground_truth(env):
                self._play(call, runtime, env, transcript)
                if hijack and when == "early" and self._was_injected(transcript):
                    hijack = self._play_all(hijack, runtime, env, transcript)
            self._play_all(hijack, runtime, env, transcript)
            answer = user_task.GROUND_TRUTH_OUTPUT
            transcript.append(ChatAssistantMessage(role="assistant", content=text(answer), tool_calls=None))
            return query, runtime, env, transcript, dict(extra_args or {})

        def _play_all(self, calls: Calls, runtime: Any, env: Any, transcript: list[Any]) -> list[Any]:
            for call in calls:
                self._play(call, runtime, env, transcript)
            return []

        def _play(self, call: Any, runtime: Any, env: Any, transcript: list[Any]) -> None:
            result, problem = runtime.run_function(env, call.function, call.args)
            if problem is not None and problem.startswith("RefusedError"):
                transcript.append(ChatAssistantMessage(role="assistant", content=text(problem), tool_calls=None))
                return
            transcript.append(ChatAssistantMessage(role="assistant", content=text(""), tool_calls=[call]))
            transcript.append(
                ChatToolResultMessage(
                    role="tool", content=text(tool_result_to_str(result)), tool_call=call, tool_call_id=None, error=problem
                )
            )

        def _was_injected(self, transcript: Sequence[Any]) -> bool:
            goal = _letters(injection_task.GOAL)
            return any(
                goal in _letters(get_text_content_as_str(message["content"]))
                for message in transcript
                if message["role"] == "tool"
            )

    return PlayedAgent()


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
