"""Groups of actions: `action money;` names one, `action pay in money { … }` puts an action into it, `action in money` means all."""

from __future__ import annotations

from collections.abc import Mapping

from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import Report
from intended_core.lang.typed import Span

__all__ = ["action_groups"]


def action_groups(actions: Mapping[str, tuple[ast.ActionDecl, Span]], report: Report) -> dict[str, tuple[str, ...]]:
    """Each group with all its actions, also those of groups inside it, sorted. Problems go to the report.

    An action that says neither principal nor resource, nor anything else, is a group once something is in it.
    """
    bare = {name for name, (decl, _) in actions.items() if not decl.parts}
    inside: dict[str, set[str]] = {}
    for name, (decl, _) in actions.items():
        for parent in decl.parents:
            if parent.text not in actions:
                hint = suggest(parent.text, bare) or f"declare it: `action {parent.text};`"
                report.error("name.unknown", f"there is no action group `{parent.text}`", parent.span, help=hint)
            elif parent.text not in bare:
                message = f"`{parent.text}` is an action, not a group"
                report.error("type.mismatch", message, parent.span, help="a group says neither principal nor resource")
            else:
                inside.setdefault(parent.text, set()).add(name)
    found: dict[str, tuple[str, ...]] = {}
    for group in sorted(inside):
        seen: set[str] = set()
        todo = [group]
        while todo:
            for name in inside.get(todo.pop(), ()):
                if name == group:
                    report.error("name.cycle", f"the action group `{group}` contains itself", actions[group][1])
                elif name not in seen:
                    seen.add(name)
                    todo.append(name)
        found[group] = tuple(sorted(name for name in seen if name not in inside))
    return found
