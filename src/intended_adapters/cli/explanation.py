"""How `explain` reads: the outcome, each rule of the action with what decided it, and what would flip it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intended_core import Explanation, outcome_json

__all__ = ["explanation_json", "explanation_text"]

_MARKS = {"holds": "applies", "false": "does not apply", "error": "ERROR", "scope": "out of scope"}


def explanation_text(found: Explanation) -> str:
    """For people: rules that spoke first, each with the clauses and values that decided it."""
    said = outcome_json(found.outcome)
    head = str(said["outcome"]).upper() + (f" ({said['class']})" if said.get("class") else "")
    lines = [head + (f" by {', '.join(found.outcome.rules)}" if found.outcome.rules else "")]
    if found.invalid:
        return "\n".join([*lines, f"  {found.invalid}"])
    rules = found.trace.rules if found.trace is not None else ()
    for rule in sorted(rules, key=lambda one: (one.result == "scope", one.id not in found.outcome.rules, one.id)):
        lines.append(f"  {rule.effect} {rule.id}: {_MARKS[rule.result]}{f' ({rule.cause})' if rule.cause else ''}")
        if rule.result == "scope":
            continue
        for clause in rule.clauses:
            if clause.answer == "skipped" or clause.step is None:
                continue
            shown = clause.step.error or clause.step.shown
            lines.append(f"    {clause.kind} at {clause.span}: {clause.answer if clause.kind != 'approval' else shown}")
            if clause.kind != "approval":
                lines += [f"      {place} = {value}" for place, value in _read(clause.step)]
    if found.flips:
        lines.append("would be decided otherwise after one of these (each was tried):")
        lines += [
            f"  {flip.what}: {flip.outcome}{f' by {chr(44).join(flip.rules)}' if flip.rules else ''}"
            for flip in found.flips
        ]
    else:
        lines.append(f"no change was found that flips it ({found.tried} tried)")
    return "\n".join(lines)


def _read(step: Any) -> Iterator[tuple[str, str]]:
    """The members, attributes and comparisons that a clause read, outermost first, each once."""
    seen: set[tuple[str, str]] = set()
    todo = [step]
    while todo:
        current = todo.pop(0)
        todo = [*current.inner, *todo]
        name = _path(current.expr)
        entry = (name, current.error or current.shown)
        if name and entry not in seen:
            seen.add(entry)
            yield entry


def _path(expr: Any) -> str:
    """`args.money.amount` for what reads a member or attribute, else nothing."""
    names: list[str] = []
    while type(expr).__name__ in ("MemberOf", "AttributeOf", "Default"):
        if type(expr).__name__ == "Default":
            names += reversed(expr.path)
        else:
            names.append(expr.name)
        expr = expr.base
    if type(expr).__name__ == "Root" and (names or expr.name in ("now", "principal", "resource")):
        return ".".join([expr.name, *reversed(names)])
    if type(expr).__name__ == "OriginOf":
        return f"origin(args.{expr.path})"
    return str(expr.name) if type(expr).__name__ == "ParamOf" and not names else ""


def explanation_json(found: Explanation) -> dict[str, Any]:
    """For programs: the same facts."""
    rules = found.trace.rules if found.trace is not None else ()
    return {
        **outcome_json(found.outcome),
        "invalid": found.invalid,
        "trace": [
            {
                "rule": rule.id, "effect": rule.effect, "result": rule.result, "cause": rule.cause, "place": str(rule.span),
                "clauses": [
                    {
                        "kind": clause.kind, "place": str(clause.span), "answer": clause.answer,
                        "value": "" if clause.step is None else clause.step.error or clause.step.shown,
                        "read": [] if clause.step is None else [{"what": what, "value": value} for what, value in _read(clause.step)],
                    }
                    for clause in rule.clauses
                ],
            }
            for rule in rules
        ],
        "flips": [{"what": flip.what, "outcome": flip.outcome, "rules": list(flip.rules)} for flip in found.flips],
        "tried": found.tried,
    }  # fmt: skip
