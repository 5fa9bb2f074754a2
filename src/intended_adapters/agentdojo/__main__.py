"""`python -m intended_adapters.agentdojo`: plays the benchmark against the gate.

Exit code 0; 1 when an attack succeeded, a benign call was refused outright, a token was honoured twice, or log or bundle do not
hold; 2 when it cannot run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from intended_adapters.agentdojo.authority_gate import AuthorityGate
from intended_adapters.agentdojo.bench import ATTACK, HOSTS, SuiteResult, load_suite, run_suite
from intended_adapters.agentdojo.evidence import check_log_and_bundle
from intended_adapters.agentdojo.host import PARTIES
from intended_adapters.agentdojo.report import results_json, show
from intended_core import AssemblyError, Authority, IntendedError

__all__ = ["main"]

_HERE = Path(__file__).resolve()
_POLICY_PLACES = (
    _HERE.parents[3] / "policies" / "examples" / "agentdojo",  # a source tree
    _HERE.parents[1] / "cli" / "examples" / "agentdojo",  # an installed wheel
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code."""
    asked = _arguments().parse_args(argv)
    console = Console(stderr=True) if asked.json else Console()
    try:
        results, evidence = _run(asked, console)
    except IntendedError as problem:
        Console(stderr=True).print(str(problem), style="red", markup=False)
        return 2
    content = results_json(results, attack=asked.attack, evidence=evidence)
    place = _results_place(asked)
    if place is not None:
        place.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.json:
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        show(console, results, attack=asked.attack, evidence=evidence)
    return 0 if all(_holds(result) and evidence[result.name]["holds"] for result in results) else 1


def _run(asked: argparse.Namespace, console: Console) -> tuple[list[SuiteResult], dict[str, Any]]:
    names = asked.suite or list(HOSTS)
    suites = {name: load_suite(name) for name in names}
    unknown = set(asked.task or ()) - {task for suite in suites.values() for task in suite.user_tasks}
    if unknown:
        raise AssemblyError(f"no suite has a user task {min(unknown)}")
    steps = sum(
        len([task for task in suite.user_tasks if not asked.task or task in asked.task]) * (1 + len(suite.injection_tasks))
        for suite in suites.values()
    )
    results: list[SuiteResult] = []
    evidence: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="intended-agentdojo-")))
        (folder / "keys").mkdir()
        (folder / "data").mkdir()
        authority = stack.enter_context(
            Authority.create(folder / "data" / "authority.db", key_file=folder / "keys" / "kek", durability="normal")
        )
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        progress = stack.enter_context(Progress(*columns, console=console, transient=True))
        bar = progress.add_task("playing", total=steps)
        for name in names:
            gate = AuthorityGate.prepare(authority, f"agentdojo-{name}", _policies(asked.policies) / name, PARTIES)
            result = run_suite(
                name, gate=gate, clock_ns=time.perf_counter_ns, random=os.urandom, attack=asked.attack, tasks=asked.task,
                advanced=lambda step: progress.update(bar, advance=1, description=step),
            )  # fmt: skip
            results.append(result)
            evidence[name] = check_log_and_bundle(
                gate, replays=result.replays_refused, made_us=time.time_ns() // 1000
            )
    return results, evidence


def _holds(result: SuiteResult) -> bool:
    figures = result.figures()
    kept = figures["replays_refused"] == figures["tokens"] > 0
    return kept and not figures["attacks_succeeded"] and not figures["refused"]


def _results_place(asked: argparse.Namespace) -> Path | None:
    """Where the figures go: where asked; else, for a whole run in a source tree, beside the other results."""
    given: Path | None = asked.results
    if given is not None or asked.suite or asked.task or asked.attack != ATTACK or asked.policies is not None:
        return given
    folder = _HERE.parents[3] / "bench" / "results"
    return folder / "agentdojo.json" if folder.is_dir() else None


def _policies(given: Path | None) -> Path:
    for place in (given,) if given is not None else _POLICY_PLACES:
        if place.is_dir():
            return place
    raise AssemblyError("the example policies are not where they were expected: give their folder with --policies")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m intended_adapters.agentdojo", description=__doc__)
    parser.add_argument("--suite", action="append", choices=list(HOSTS), help="one suite (may be given again); default: all")
    parser.add_argument("--task", action="append", help="one user task, such as user_task_3 (may be given again); default: all")
    parser.add_argument("--attack", default=ATTACK, help=f"the benchmark's attack text (default {ATTACK})")
    parser.add_argument("--policies", type=Path, help="folder with one folder of policies for each suite")
    parser.add_argument("--results", type=Path, help="write the figures as JSON to this file")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
