"""What a decision can cost at worst: steps for each action, and which rules take them. Capped when a set is checked (language.md § 1)."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.lang.typed import CheckedPolicySet
from intended_core.lang.walk import MAX_COST

__all__ = ["ActionCost", "cost_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCost:
    """The worst case of one action: `steps` of at most `limit`; `rules` as (id, steps), the heaviest first."""

    action: str
    steps: int
    limit: int
    rules: tuple[tuple[str, int], ...]


def cost_report(checked: CheckedPolicySet) -> tuple[ActionCost, ...]:
    """The cost of every action of a checked set, the heaviest first. One step is one node of an expression, evaluated once."""
    made: list[ActionCost] = []
    for action, steps in checked.cost.items():
        rules = [(rule.id, rule.bodies[action].cost) for rule in checked.rules if action in rule.bodies]
        rules.sort(key=lambda item: (-item[1], item[0]))
        made.append(ActionCost(action=action, steps=steps, limit=MAX_COST, rules=tuple(rules)))
    return tuple(sorted(made, key=lambda item: (-item.steps, item.action)))
