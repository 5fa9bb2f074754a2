"""What the Cedar judges share: where the vectors are, one test of them judged, and what the outside engine says."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.loading import load_cedar
from intended_core.lang.cedar.requests import read_request
from intended_core.outcome import Allow, Deny
from tests.house.source import IN_CI, SHARED

CEDAR = SHARED / "vectors" / "cedar"
needs_vectors = pytest.mark.skipif(
    not CEDAR.is_dir() and not IN_CI, reason="the Cedar vectors are not beside the repository"
)


@cache
def corpus() -> dict[str, bytes]:
    """Every file of the fuzz-found sample, by name."""
    held: dict[str, bytes] = {}
    with tarfile.open(CEDAR / "integration" / "corpus-sample.tar.gz") as archive:
        for member in archive:
            found = archive.extractfile(member)
            if found is not None:
                held[member.name.rpartition("/")[2]] = found.read()
    return held


def corpus_tests() -> list[str]:
    """The names of its tests, in order."""
    return sorted(name for name in corpus() if name.endswith(".json") and not name.endswith(".entities.json"))


def judged(
    name: str, text: bytes, read: Callable[[str], bytes], counts: Counter[str], wrong: list[str], *, twice: bool = False
) -> None:
    """One test: the verdict of validation, then decision, reasons and errors of each request. `twice`: the interpreter too."""
    test: dict[str, Any] = json.loads(text)
    report = load_cedar({"policies.cedar": read(test["policies"])}, ("schema.cedarschema", read(test["schema"])))
    counts["verdicts"] += 1
    if (report.loaded is not None) is not test["shouldValidate"]:
        wrong.append(f"{name}: validation says {report.text or 'valid'}")
        return
    if report.loaded is None:
        counts["refused"] += 1
        return
    snapshot = read_entities(report.loaded.schema, read(test["entities"]))
    for request in test["requests"]:
        members = {member: request[member] for member in ("principal", "action", "resource", "context")}
        intent = read_request(report.loaded.schema, members)
        outcome = decide(report.loaded.compiled, intent, snapshot, now_ms=0)
        erred = isinstance(outcome, Deny) and outcome.kind == "error"
        said = "allow" if isinstance(outcome, Allow) else "deny"
        mine = (said, [] if erred else list(outcome.rules), list(outcome.rules) if erred else [])
        wanted = (
            request["decision"],
            [] if request["errors"] else sorted(request["reason"]),
            sorted(request["errors"]),
        )
        counts["decisions"] += 1
        counts["errors"] += erred
        if mine != wanted:
            wrong.append(f"{name}: {request['description']}: {mine}, not {wanted}")
        if twice:
            meaning = interpret(report.loaded.checked, intent, snapshot, now_ms=0)
            if (meaning.outcome, meaning.rules) != (said, outcome.rules):
                wrong.append(f"{name}: {request['description']}: the interpreter says {meaning}")
