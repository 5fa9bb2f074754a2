"""Cases for the verifier in the page: what the other two were asked, and what they answered."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

__all__ = ["RECORDING", "ask", "case_of", "keep", "replay"]

RECORDING = "EVIDENCE_CORPUS"  # the folder that `keep` writes cases into, when it is set

# Answers as the reference gives them, or what differs. `known` has the head that the verifier remembers.
_ASK = """
async (cases) => {
  const answers = [];
  for (const one of cases) {
    const data = Uint8Array.from(atob(one.data), (char) => char.charCodeAt(0));
    const pins = await Promise.all(one.pins.map(Verifier.parseKey));
    const known = one.known === null ? null
      : { origin: "", size: one.known.size, root: Uint8Array.from(atob(one.known.root), (char) => char.charCodeAt(0)) };
    const policy = one.policy === null ? null : await Verifier.parsePolicy(Uint8Array.from(atob(one.policy), (char) => char.charCodeAt(0)));
    if (policy && one.fresh) policy.fresh = { minEpoch: one.fresh[0], maxAge: one.fresh[1], now: one.fresh[2] };
    const verdict = one.range ? await Verifier.verifyRange(data, pins, known, one.kind, policy)
      : await Verifier.verify(data, pins, known, policy);
    verdict.findings = verdict.findings.map(({ code, grade, seq }) => [code, grade, seq]);
    answers.push(verdict);
  }
  return answers;
}
"""


def case_of(
    data: bytes, pins: list[str], known: Any, verdict: dict[str, Any], *, kind: str | None = None, policy: bytes | None = None,
    fresh: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """One case: what is asked, and the answer that the second verifier gave. `known`: (_, size, root) or None. `fresh`: as of its policy."""
    answer = {name: verdict[name] for name in verdict if name != "findings"}
    answer["findings"] = [] if verdict["grade"] == "MALFORMED" else [
        [item["code"], item["grade"], item["seq"]] for item in verdict["findings"]
    ]  # fmt: skip
    asked = {} if fresh is None or policy is None else {"fresh": list(fresh)}
    return {
        **asked,
        "data": base64.b64encode(data).decode(), "pins": pins, "range": "kinds" in verdict, "kind": kind, "answer": answer,
        "policy": None if policy is None else base64.b64encode(policy).decode(),
        "known": None if known is None else {"size": known[1], "root": base64.b64encode(known[2]).decode()},
    }  # fmt: skip


def keep(case: dict[str, Any]) -> None:
    """Write the case down when cases are recorded."""
    folder = os.environ.get(RECORDING)
    if folder:
        path = Path(folder) / f"{os.getpid()}.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(case) + "\n")


def ask(page: Any, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The page's answers."""
    asked = [{name: case.get(name) for name in ("data", "pins", "known", "range", "kind", "policy", "fresh")} for case in cases]
    answers: list[dict[str, Any]] = page.evaluate(_ASK, asked)
    return answers


def replay(page: Any, cases: list[dict[str, Any]]) -> None:
    """Every answer of the page is the recorded one."""
    for case, got in zip(cases, ask(page, cases), strict=True):
        if "not_covered" not in case["answer"]:  # of the frozen examples: words are not frozen
            del got["not_covered"]
        if got["grade"] == "MALFORMED":
            got["findings"] = []
        assert got == case["answer"], case["data"][:2000]
