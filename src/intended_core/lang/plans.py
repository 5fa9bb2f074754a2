"""Which plan answers an intent: by action, then by the types of principal and resource, then by constant entities.

Most actions have one type on each side and no rule about one constant entity: their plan is the fused function itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.lang.fuse import Fusible, NotFusedError, Plan, fuse
from intended_core.lang.types import Schema

__all__ = ["plan_set"]

MAX_CHOSEN: Final = 20_000  # plans for constant entities kept per bucket; made again when dropped


class _ByTypes:
    """For an action of several principal or resource types."""

    __slots__ = ("plans",)

    def __init__(self, plans: Mapping[tuple[str, str], Plan]) -> None:
        self.plans = plans

    def __call__(self, intent: Any, snapshot: Any, now_ms: int, surroundings: Any) -> Any:
        plan = self.plans.get((intent.principal.type, intent.resource.type))
        if plan is None:
            raise NotFusedError
        return plan(intent, snapshot, now_ms, surroundings)


class _ByConstants:
    """For a bucket with rules about constant principals or resources: one plan for each that is met, made when it is first met."""

    __slots__ = ("by_principal", "by_resource", "general", "made", "principal", "resource")

    def __init__(self, principal: str, resource: str, rules: Sequence[Fusible]) -> None:
        self.principal = principal
        self.resource = resource
        self.general: list[Fusible] = []
        self.by_resource: dict[str, list[Fusible]] = {}
        self.by_principal: dict[str, list[Fusible]] = {}
        self.made: dict[tuple[str | None, str | None], Plan | None] = {}
        for item in rules:
            if item.rule.resource.equal is not None:
                self.by_resource.setdefault(item.rule.resource.equal.id, []).append(item)
            elif item.rule.principal.equal is not None:
                self.by_principal.setdefault(item.rule.principal.equal.id, []).append(item)
            else:
                self.general.append(item)

    def __call__(self, intent: Any, snapshot: Any, now_ms: int, surroundings: Any) -> Any:
        principal, resource = intent.principal.id, intent.resource.id
        key = (principal if principal in self.by_principal else None, resource if resource in self.by_resource else None)
        try:
            plan = self.made[key]
        except KeyError:
            plan = self._make(key)
        if plan is None:
            raise NotFusedError
        return plan(intent, snapshot, now_ms, surroundings)

    def _make(self, key: tuple[str | None, str | None]) -> Plan | None:
        principal, resource = key
        rules = [*self.general]
        if principal is not None:
            rules += self.by_principal[principal]
        if resource is not None:
            rules += self.by_resource[resource]
        if len(self.made) >= MAX_CHOSEN:
            self.made.clear()
        plan = self.made[key] = fuse(self.principal, self.resource, rules)
        return plan


def plan_set(schema: Schema, roots: frozenset[str], rules: Iterable[tuple[str, Fusible]]) -> dict[str, Plan]:
    """A plan for each action that has one. `rules`: (action, rule) pairs in order of rule ids; `roots`: types that may act alone."""
    by_action: dict[str, list[Fusible]] = {}
    for action, item in rules:
        by_action.setdefault(action, []).append(item)
    plans: dict[str, Plan] = {}
    for action, items in by_action.items():
        declared = schema.actions[action]
        made: dict[tuple[str, str], Plan] = {}
        for principal in declared.principals:
            if principal not in roots:
                continue
            for resource in declared.resources:
                plan = _bucket(principal, resource, items)
                if plan is not None:
                    made[(principal, resource)] = plan
        if len(made) == 1 and len(declared.principals) == len(declared.resources) == 1:
            plans[action] = next(iter(made.values()))
        elif made:
            plans[action] = _ByTypes(made)
    return plans


def _bucket(principal: str, resource: str, items: Sequence[Fusible]) -> Plan | None:
    fitting = [
        item
        for item in items
        if _fits(item.rule.principal.types, item.rule.principal.equal, principal)
        and _fits(item.rule.resource.types, item.rule.resource.equal, resource)
    ]
    if any(item.rule.principal.equal is not None or item.rule.resource.equal is not None for item in fitting):
        return _ByConstants(principal, resource, fitting)
    return fuse(principal, resource, fitting)


def _fits(types: tuple[str, ...] | None, equal: EntityRef | None, kind: str) -> bool:
    return (types is None or kind in types) and (equal is None or equal.type == kind)
