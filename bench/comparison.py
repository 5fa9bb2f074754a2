"""The comparison's scenario, asked of every engine that is installed: `python -m bench.comparison` writes results/comparison.json.

The policies are read from docs/explanation/comparison.md, so what the page shows is what ran. A test asks again and compares the answers
with the recorded ones and with the page's table. Engines that are not installed keep the answers recorded last.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.harness import RESULTS
from intended_core import Authority, Deny, Entity, EntityRef, Granted, Intent, IntentError, Pending

__all__ = ["CASES", "ENGINES", "FILE", "PAGE", "answers", "policy", "rego_division", "table"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "comparison.md"
FILE = RESULTS / "comparison.json"

FULL: Mapping[str, Any] = {
    "cents": 1_000,
    "origins": ["record"],
    "risk": 10,
    "fee_ppm": 1,
    "spent": 0,
    "suspended": False,
}
OVERFLOW: Mapping[str, Any] = {"cents": 2_000, "fee_ppm": 2**53 - 1}  # their product is beyond 64 bits

# what the other engines' policies call them
NAMED = {"cents": "cents", "risk": "risk", "fee_ppm": "fee_ppm", "spent": "spent_today", "origins": "payee_origins"}

# name in the page's table -> what differs from FULL; None: absent
CASES: Mapping[str, Mapping[str, Any]] = {
    "a small payment": {},
    "the payee was named by content": {"origins": ["content"]},
    "a large payment": {"cents": 200_000},
    "the day's budget is used up": {"spent": 500_000},
    "the request has no `risk`": {"risk": None},
    "the agent's entity has no `suspended`": {"suspended": None},
    "the arithmetic of a deny rule overflows": OVERFLOW,
}
COUNTED = "the day's budget is used up"
Ask = Callable[[str, Mapping[str, Any]], str]


def policy(tag: str) -> str:
    """The page's one fence with this tag."""
    (text,) = re.findall(rf"^```{tag}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _intended() -> Ask:
    def ask(case: str, values: Mapping[str, Any]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return _one_day(Path(folder), case, _present(values))

    return ask


def _one_day(folder: Path, case: str, given: Mapping[str, Any]) -> str:
    """An authority of its own, and one payment after whatever was paid before."""
    bot, main, acme = EntityRef("Agent", "bot"), EntityRef("Account", "main"), EntityRef("Payee", "acme")
    group = EntityRef("Group", "payments")
    agent = {name: given[name] for name in ("suspended",) if name in given}
    (folder / "keys").mkdir()
    with Authority.create(folder / "authority.db", key_file=folder / "keys" / "kek") as authority:
        tenant = authority.create_tenant("acme", "test")
        tenant.activate({"policy.policy": policy("policy")})
        plain = [Entity(ref=ref) for ref in (group, EntityRef("Group", "approvers"), main)]
        tenant.put_entities([*plain, Entity(ref=acme, attributes={"verified": True})])
        with contextlib.suppress(
            IntentError
        ):  # an entity that does not fit the schema is not taken: the agent stays unknown
            tenant.put_entities([Entity(ref=bot, attributes=agent, parents=frozenset({group}))])
        context = {name: given[name] for name in ("risk", "fee_ppm") if name in given}

        def pay(cents: int) -> Granted | Pending | Deny:
            args = {"cents": cents, "payee": acme}
            origins = {"payee": tuple(given["origins"])}
            intent = Intent(principal=bot, action="pay", resource=main, args=args, context=context, origins=origins)
            return tenant.authorize(intent, audience="bank")

        for _ in range(given["spent"] // 100_000):
            pay(100_000)
        outcome = pay(given["cents"])
    if isinstance(outcome, Deny):
        return "denied" if outcome.kind in ("default", "forbid") else f"denied ({outcome.kind})"
    return "allowed" if isinstance(outcome, Granted) else "waits for people"


def _second(ask: Callable[[str], str]) -> str:
    """What the host learns by asking for the payment, and then for the one after approval."""
    first = ask("pay")
    return (
        f"{first}; `pay_after_approval` allowed"
        if first == "denied" and ask("pay_after_approval") == "allowed"
        else first
    )


def _cedar() -> Ask:
    cedarpy: Any = importlib.import_module("cedarpy")
    text = policy("cedar")

    def ask(case: str, values: Mapping[str, Any]) -> str:
        given = _present(values)
        context = {NAMED[name]: value for name, value in given.items() if name in NAMED}
        context["payee"] = {"__entity": {"type": "Payee", "id": "acme"}}
        world = [
            {"uid": {"type": "Agent", "id": "bot"}, "attrs": {name: given[name] for name in ("suspended",) if name in given},
             "parents": [{"type": "Group", "id": "payments"}]},
            {"uid": {"type": "Payee", "id": "acme"}, "attrs": {"verified": True}, "parents": []},
        ]  # fmt: skip

        def once(action: str) -> str:
            request = {
                "principal": 'Agent::"bot"',
                "action": f'Action::"{action}"',
                "resource": 'Account::"main"',
                "context": context,
            }
            return "allowed" if cedarpy.is_authorized(request, text, world).decision.value == "Allow" else "denied"

        return _counted(case, _second(once))

    return ask


def _rego() -> Ask:
    engine = importlib.import_module("regorus").Engine()
    engine.add_policy("pay.rego", policy("rego"))

    def ask(case: str, values: Mapping[str, Any]) -> str:
        given = _present(values)
        who = {"groups": ["payments"], **{name: given[name] for name in ("suspended",) if name in given}}
        told = {NAMED[name]: value for name, value in given.items() if name in NAMED}
        engine.set_input_json(json.dumps({**told, "principal": who, "payee": {"verified": True}}))
        try:
            return _counted(case, str(engine.eval_rule("data.pay.outcome")))
        except Exception:  # noqa: BLE001  the binding has no error class of its own
            return "raises"

    return ask


def rego_division() -> str:
    """What regorus does when a built-in of a deny rule errs."""
    engine = importlib.import_module("regorus").Engine()
    rules = "package p\nimport rego.v1\ndefault allow := false\nallow if count(deny) == 0\n"
    engine.add_policy("p.rego", rules + "deny contains 1 if 1 / input.zero > 3\n")
    engine.set_input_json('{"zero": 0}')
    try:
        return "allowed" if engine.eval_rule("data.p.allow") else "denied"
    except Exception:  # noqa: BLE001  the binding has no error class of its own
        return "raises"


class Agent:
    """Who pays, for Polar."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Payment:
    """What is paid, for Polar."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def _polar() -> Ask:
    oso = importlib.import_module("oso")
    errors = importlib.import_module("polar.exceptions")
    found = oso.Oso()
    found.register_class(Agent)
    found.register_class(Payment)
    found.load_str(policy("polar"))

    def ask(case: str, values: Mapping[str, Any]) -> str:
        given = _present(values)
        payment = Payment(payee_verified=True, **{NAMED[name]: value for name, value in given.items() if name in NAMED})
        agent = Agent(groups=["payments"], **{name: given[name] for name in ("suspended",) if name in given})

        def once(action: str) -> str:
            return "allowed" if found.query_rule_once("allow", agent, action, payment) else "denied"

        try:
            return _counted(case, _second(once))
        except errors.PolarRuntimeError:
            return "raises"

    return ask


def _counted(case: str, answer: str) -> str:
    return f"{answer}, if the host counted" if case == COUNTED else answer


# column of the page's table -> (distribution, module, maker)
ENGINES: Mapping[str, tuple[str, str, Callable[[], Ask]]] = {
    "intended": ("intended", "intended_core", _intended),
    "Cedar": ("cedarpy", "cedarpy", _cedar),
    "Rego": ("celine-regorus", "regorus", _rego),
    "Polar": ("oso", "oso", _polar),
}


def answers(engine: str) -> dict[str, str]:
    """Case -> what this engine answers; raises ImportError where it is not installed."""
    ask = ENGINES[engine][2]()
    return {case: ask(case, {**FULL, **changed}) for case, changed in CASES.items()}


def table() -> dict[str, dict[str, str]]:
    """Engine -> case -> the answer that the page's table shows."""
    text = PAGE.read_text(encoding="utf-8").partition("## What each answers")[2].partition("\n## ")[0]
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    )
    return {engine: {row[0]: row[at].replace("**", "") for row in rows} for at, engine in enumerate(head) if at}


def main() -> int:
    """Ask, print and record."""
    recorded: dict[str, Any] = (
        json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"room": "comparison", "engines": {}}
    )
    for engine, (distribution, _, _) in ENGINES.items():
        try:
            found = answers(engine)
            recorded["engines"][engine] = {"version": version(distribution), "answers": found}
            if engine == "Rego":
                recorded["engines"][engine]["division by zero in a deny rule"] = rego_division()
        except (ImportError, PackageNotFoundError):
            print(f"{engine}: {distribution} is not installed; its recorded answers stay")
            continue
        for case, answer in found.items():
            print(f"{engine:10} {case:42} {answer}")
    FILE.write_text(json.dumps(recorded, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
