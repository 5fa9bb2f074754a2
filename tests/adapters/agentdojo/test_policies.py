"""The example policies: their own tests pass, and no word or number of any task stands in them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("agentdojo")

from intended_adapters.agentdojo.authority_gate import policy_sources
from intended_adapters.agentdojo.bench import load_suite
from intended_core import AssemblyError
from intended_core.toolbox import check_policies, test_policies

POLICIES = Path(__file__).parents[3] / "policies" / "examples" / "agentdojo"
NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?![\w.])")


def files(suite: str) -> dict[str, bytes]:
    return {name: text.encode() for name, text in policy_sources(POLICIES / suite).items()}


@pytest.mark.parametrize("suite", ["banking", "slack"])
def test_the_set_checks_and_its_own_tests_pass(suite: str) -> None:
    report = check_policies(files(suite))
    assert report.checked is not None, report.text
    tests = test_policies(files(suite))
    assert tests.failed == (), tests


@pytest.mark.parametrize("suite", ["banking", "slack"])
def test_no_constant_of_a_task_stands_in_the_rules(suite: str) -> None:
    text = "\n".join(source.decode() for source in files(suite).values())
    numbers = {Decimal(found.group().replace("_", "")) for found in NUMBER.finditer(text.split("\nfixture")[0])}
    loaded = load_suite(suite)
    for task in (*loaded.user_tasks.values(), *loaded.injection_tasks.values()):
        for call in task.ground_truth(loaded.load_and_inject_default_environment({})):
            for value in call.args.values():
                if isinstance(value, str):
                    assert value not in text or len(value) < 4, value
                elif not isinstance(value, bool) and value > 1:
                    assert Decimal(repr(value)) not in numbers, value


def test_a_folder_without_policies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="no policy files"):
        policy_sources(tmp_path)
