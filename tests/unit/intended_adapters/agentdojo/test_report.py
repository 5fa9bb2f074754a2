"""The table shows what the file says, and alarms stand out."""

from __future__ import annotations

import io
import json

from rich.console import Console

from intended_adapters.agentdojo.bench import SuiteResult, TaskResult
from intended_adapters.agentdojo.report import results_json, show
from intended_adapters.agentdojo.runtime import GateCall

KEYS = {
    "user_tasks", "utility_without", "utility_with", "no_human", "one_approval", "refused", "attacks", "attacks_succeeded",
    "tokens", "replays_refused", "us_per_call",
}  # fmt: skip


def made() -> SuiteResult:
    call = GateCall(
        function="pay", answer="approved", rules=("r",), reasons=("[bold]because[/]",), origins={"to": ("content", "user")}, nanoseconds=1
    )
    task = TaskResult(task="user_task_1", prompt="p", utility_without=False, utility_with=True, waits=(call,), refused=(call,))
    return SuiteResult(
        name="banking", tasks=[task], attacks=1234, attacks_succeeded=["user_task_1 injection_task_9"], tokens=3, replays_refused=3,
        gate_calls=2, nanoseconds=5_000,
    )  # fmt: skip


EVIDENCE = {"banking": {"log": "FINE", "log_records": 1, "bundle": "GOOD", "bundle_of": "decision 7", "holds": True}}


def test_the_file_has_every_figure_and_is_plain_data() -> None:
    content = json.loads(json.dumps(results_json([made()], attack="a", evidence=EVIDENCE)))
    suite = content["suites"]["banking"]
    assert suite.keys() >= KEYS
    assert (suite["us_per_call"], suite["attacks"], suite["attacks_succeeded"]) == (2.5, 1234, 1)
    assert suite["waits"] == {"user_task_1": ["pay (to: content+user)"]}
    assert {"machine", "versions", "date", "python"} <= content.keys()
    assert content["versions"]["agentdojo"] == "0.1.35"


def test_the_table_names_what_went_wrong_and_what_waited() -> None:
    out = io.StringIO()
    show(Console(file=out, width=140), [made()], attack="a", evidence=EVIDENCE)
    text = out.getvalue()
    for shown in ("1,234", "attack succeeded: banking user_task_1 injection_task_9", "to: content+user", "FINE", "decision 7: GOOD"):
        assert shown in text
    assert "refused: banking user_task_1 pay: [bold]because[/]" in text
