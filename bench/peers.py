"""Other engines on the same workload, for the same run: N permits, each on its own action and resource type, with two conditions.

Each maker takes the number of rules and the numbers of the rules that will be asked, and answers a function from (rule, amount) to whether
it is allowed, with everything loaded and prepared as that engine's documentation advises. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

__all__ = ["PEERS", "Ask", "make_peer"]

Ask = Callable[[int, int], bool]
SIZE: Final = 100  # every thing's size; an amount above it is refused


def _cedarpy(size: int, asked: Sequence[int]) -> Ask:
    cedarpy: Any = importlib.import_module("cedarpy")
    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f'@id("r{n}") permit(principal, action == Action::"act{n}", resource is Thing{n}) '
            "when { resource.owner == principal && context.amount <= resource.size };"
            for n in range(size)
        )
    )
    rows: list[dict[str, object]] = [{"uid": {"type": "User", "id": "ann"}, "attrs": {}, "parents": []}]
    for n in asked:
        owner = {"__entity": {"type": "User", "id": "ann"}}
        rows.append({"uid": {"type": f"Thing{n}", "id": "t"}, "attrs": {"owner": owner, "size": SIZE}, "parents": []})
    entities = cedarpy.Entities.from_json_str(json.dumps(rows))
    allow, decide = cedarpy.Decision.Allow, cedarpy.is_authorized

    def ask(n: int, amount: int) -> bool:
        request = {
            "principal": 'User::"ann"', "action": f'Action::"act{n}"', "resource": f'Thing{n}::"t"', "context": {"amount": amount},
        }  # fmt: skip
        return bool(decide(request, policies, entities).decision == allow)

    return ask


def _vakt(size: int, _asked: Sequence[int]) -> Ask:
    vakt: Any = importlib.import_module("vakt")
    rules: Any = importlib.import_module("vakt.rules")
    storage = vakt.MemoryStorage()
    for n in range(size):
        storage.add(
            vakt.Policy(
                n, effect=vakt.ALLOW_ACCESS, actions=[rules.Eq(f"act{n}")], subjects=[rules.Any()],
                resources=[{"type": rules.Eq(f"Thing{n}"), "owner": rules.SubjectEqual()}],
                context={"amount": rules.LessOrEqual(SIZE)},
            )
        )  # fmt: skip
    guard = vakt.Guard(storage, vakt.RulesChecker())

    def ask(n: int, amount: int) -> bool:
        inquiry = vakt.Inquiry(
            action=f"act{n}", subject="ann", resource={"type": f"Thing{n}", "owner": "ann"}, context={"amount": amount}
        )
        return bool(guard.is_allowed(inquiry))

    return ask


_CASBIN_MODEL: Final = """
[request_definition]
r = sub, obj, act, amount
[policy_definition]
p = act, kind
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && r.obj.kind == p.kind && r.obj.owner == r.sub && r.amount <= r.obj.size
"""


class Thing:
    """A resource as engines see it that read Python attributes."""

    def __init__(self, kind: str, amount: int = 0) -> None:
        self.kind = kind
        self.owner = "ann"
        self.size = SIZE
        self.amount = amount


def _pycasbin(size: int, _asked: Sequence[int]) -> Ask:
    casbin: Any = importlib.import_module("casbin")
    model = casbin.Model()
    model.load_model_from_text(_CASBIN_MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies([[f"act{n}", f"Thing{n}"] for n in range(size)])

    def ask(n: int, amount: int) -> bool:
        return bool(enforcer.enforce("ann", Thing(f"Thing{n}"), f"act{n}", amount))

    return ask


def _oso(size: int, _asked: Sequence[int]) -> Ask:
    found: Any = importlib.import_module("oso")
    oso = found.Oso()
    oso.register_class(Thing)
    oso.load_str(
        "\n".join(
            f'allow(actor, "act{n}", thing: Thing) if thing.kind = "Thing{n}" and thing.owner = actor and thing.amount <= thing.size;'
            for n in range(size)
        )
    )

    def ask(n: int, amount: int) -> bool:
        return bool(oso.is_allowed("ann", f"act{n}", Thing(f"Thing{n}", amount)))

    return ask


_REGO_DATA: Final = """
package authz
default allow := false
allow if {
  rule := data.rules[input.action]
  rule.kind == input.resource.kind
  input.resource.owner == input.principal
  input.amount <= input.resource.size
}
"""


def _rego(engine: Any) -> Ask:
    def ask(n: int, amount: int) -> bool:
        engine.set_input(
            {"principal": "ann", "action": f"act{n}", "resource": {"kind": f"Thing{n}", "owner": "ann", "size": SIZE}, "amount": amount}
        )
        return bool(engine.eval_rule("data.authz.allow"))

    return ask


def _rego_data(size: int, _asked: Sequence[int]) -> Ask:
    engine = importlib.import_module("regorus").Engine()
    engine.add_policy("authz.rego", _REGO_DATA)
    engine.add_data({"rules": {f"act{n}": {"kind": f"Thing{n}"} for n in range(size)}})
    return _rego(engine)


def _rego_rules(size: int, _asked: Sequence[int]) -> Ask:
    engine = importlib.import_module("regorus").Engine()
    rules = [
        f'allow if {{ input.action == "act{n}"; input.resource.kind == "Thing{n}"; '
        "input.resource.owner == input.principal; input.amount <= input.resource.size }"
        for n in range(size)
    ]
    engine.add_policy("authz.rego", "\n".join(["package authz", "default allow := false", *rules]))
    return _rego(engine)


PEERS: Final[dict[str, Callable[[int, Sequence[int]], Ask]]] = {
    "cedarpy": _cedarpy, "vakt": _vakt, "pycasbin": _pycasbin, "oso": _oso, "regorus, rules as data": _rego_data,
    "regorus, rules as rules": _rego_rules,
}  # fmt: skip


def make_peer(name: str, size: int, asked: Sequence[int]) -> Ask | str:
    """The peer, asked once both ways; or why it is not measured at this size."""
    try:
        ask = PEERS[name](size, asked)
        for n in asked[:2]:
            if ask(n, 5) is not True or ask(n, SIZE + 1) is not False:
                return "answers otherwise"
    except ImportError:
        return "not installed"
    except Exception as error:  # noqa: BLE001 - a peer may refuse a size in its own way
        return f"refuses ({type(error).__name__})"
    return ask
