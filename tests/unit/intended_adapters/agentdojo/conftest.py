"""One authority per test, one gate per suite, the benchmark's own environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("agentdojo")

from intended_adapters.agentdojo.authority_gate import AuthorityGate
from intended_adapters.agentdojo.bench import HOSTS, load_suite
from intended_adapters.agentdojo.host import PARTIES
from intended_adapters.agentdojo.runtime import Conversation, gated_runtime
from intended_core import Authority

POLICIES = Path(__file__).parents[4] / "policies" / "examples" / "agentdojo"


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").mkdir()
    with Authority.create(
        tmp_path / "data" / "a.db", key_file=tmp_path / "keys" / "kek", durability="normal"
    ) as made:
        yield made


@pytest.fixture
def gates(authority: Authority) -> Callable[[str], AuthorityGate]:
    return lambda suite: AuthorityGate.prepare(authority, f"t-{suite}", POLICIES / suite, PARTIES)


class Scene:
    """A suite's environment with its gated tools and one conversation."""

    def __init__(self, suite: str, gate: Any, prompt: str, person: Any = None) -> None:
        loaded = load_suite(suite)
        self.environment = loaded.load_and_inject_default_environment({})
        self.gate = gate
        self.host: Any = HOSTS[suite](self.environment, secret_key=b"k" * 32)
        gate.know(self.host.entities())
        self.ticks = iter(range(10**9))
        self.conversation = Conversation(
            gate=gate, host=self.host, clock_ns=lambda: next(self.ticks), person=person
        )
        self.conversation.user_said(prompt)
        self.runtime = gated_runtime(self.conversation)(loaded.tools)

    def run(self, function: str, **args: Any) -> tuple[Any, str | None]:
        result: tuple[Any, str | None] = self.runtime.run_function(self.environment, function, args)
        return result

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(call.function, call.answer) for call in self.conversation.calls]


@pytest.fixture
def scene(gates: Callable[[str], AuthorityGate]) -> Callable[..., Scene]:
    return lambda suite, prompt, person=None: Scene(suite, gates(suite), prompt, person)
