"""`check`: from sources to a `CheckedPolicySet`, or diagnostics. The only maker of a CheckedPolicySet.

What passes here never errs at run time except on overflow and the store. What the checker does not support is refused at its
place with the code `unsupported`, never ignored. Specification: language.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from intended_core.errors import PolicyError
from intended_core.lang import ast
from intended_core.lang.diagnostics import Diagnostic, render_all
from intended_core.lang.flow import NOTHING, Env
from intended_core.lang.lint import lint_rules, reads_now
from intended_core.lang.loading import collector_paused
from intended_core.lang.packs import resolve_packs
from intended_core.lang.parser import parse_all
from intended_core.lang.policytests import TestExpander
from intended_core.lang.report import Refused, Report
from intended_core.lang.rules import RuleChecker
from intended_core.lang.salvage import sound_items
from intended_core.lang.schema import Declarations, build_schema
from intended_core.lang.semantic import semantic_digest, text_digest
from intended_core.lang.source import MAX_SOURCES, Source
from intended_core.lang.tables import with_defaults
from intended_core.lang.typed import CheckedPolicySet, PolicyTest, Rule, Span
from intended_core.lang.walk import MAX_COST
from intended_core.lang.zones import TZDATA_VERSION

__all__ = ["check", "check_all"]


def check(sources: Sequence[Source]) -> CheckedPolicySet:
    """The checked set of these files; raises PolicyError with every diagnostic, rendered in its text."""
    checked, diagnostics = check_all(sources)
    if checked is None:
        errors = [item for item in diagnostics if item.severity == "error"]
        raise PolicyError(render_all(errors, sources), diagnostics=diagnostics)
    return checked


def check_all(sources: Sequence[Source]) -> tuple[CheckedPolicySet | None, tuple[Diagnostic, ...]]:
    """The checked set, or None when there are errors; and all diagnostics, warnings too, in order of place."""
    report = Report()
    try:
        with collector_paused():
            return _check(sources, report)
    except (RecursionError, MemoryError):
        where = Span(sources[0].name if sources else "policy", 1, 1, 1, 1)
        report.error("limit.memory", "the set needs more depth or memory than loading may use", where)
        return None, report.errors


def _check(sources: Sequence[Source], report: Report) -> tuple[CheckedPolicySet | None, tuple[Diagnostic, ...]]:
    unique = _unique(sources, report)
    if report.errors:
        return None, report.errors
    items, problems = parse_all(unique)
    for problem in problems:
        report.add(problem)
    before = len(report.errors)
    items, packs = resolve_packs(items, report)
    if len(report.errors) > before:
        return None, _all(report)
    decls = build_schema(items, report)
    if not report.errors:
        decls = with_defaults(decls, report)
    if report.errors:
        _look_further(sound_items(items, report.errors, unique), report)
        return None, _all(report)
    checker = RuleChecker(decls, report)
    rules = [made for item in items if isinstance(item, ast.RuleDecl) and (made := checker.rule(item)) is not None]
    _check_consts(decls, checker, report)
    tests = _tests(items, decls, checker, rules, report)
    cost = _cost(decls, checker, rules, report)
    if not report.errors:
        lint_rules(decls, rules, report)
    _unused(decls, checker, report)
    if report.errors:
        return None, _all(report)
    rules.sort(key=lambda rule: rule.id)
    checked = CheckedPolicySet(
        pack=decls.pack,
        schema=decls.schema,
        rules=tuple(rules),
        tests=tests,
        sources=tuple((item.name, item.text) for item in unique),
        text_digest=text_digest(unique),
        semantic_digest=semantic_digest(
            decls.schema, rules, TZDATA_VERSION, checker.meters.values(), checker.obligations.values()
        ),
        cost=cost,
        warnings=report.warnings,
        meters=checker.meters,
        obligations=checker.obligations,
        version=decls.version,
        packs=packs,
        tzdata=TZDATA_VERSION,
    )
    return checked, report.warnings


def _look_further(items: Sequence[ast.Item], report: Report) -> None:
    """What else is wrong in a set that is refused already: rules and consts that rest on nothing broken."""
    apart = Report()
    decls = build_schema(items, apart)
    if not apart.errors:
        decls = with_defaults(decls, apart)
    if apart.errors:
        return
    checker = RuleChecker(decls, apart)
    for item in items:
        if isinstance(item, ast.RuleDecl):
            checker.rule(item)
    _check_consts(decls, checker, apart)
    for error in apart.errors:
        report.add(error)


def _all(report: Report) -> tuple[Diagnostic, ...]:
    return (*report.errors, *report.warnings)


def _unique(sources: Sequence[Source], report: Report) -> tuple[Source, ...]:
    """Files in name order; loading the same file twice changes nothing, two texts of one name are an error."""
    found: dict[str, Source] = {}
    for source in sources:
        known = found.setdefault(source.name, source)
        if known.text != source.text:
            report.error(
                "name.duplicate", f"two different files are named {source.name}", Span(source.name, 1, 1, 1, 1)
            )
    if len(found) > MAX_SOURCES:
        name = min(found)
        report.error("source.too-large", f"a set has at most {MAX_SOURCES} files", Span(name, 1, 1, 1, 1))
    return tuple(found[name] for name in sorted(found))


def _check_consts(decls: Declarations, checker: RuleChecker, report: Report) -> None:
    used = set(checker.typer.used_consts)
    for name, decl in sorted(decls.consts.items()):
        env = Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=count(1))
        try:
            checker.typer.constant(name, ast.NameExpr(name, decl.name.span), env)
        except Refused as error:
            report.add(error.diagnostic)
    checker.typer.used_consts &= used | checker.typer.used_consts
    checker.typer.used_consts = used | _used_by_consts(decls)


def _used_by_consts(decls: Declarations) -> set[str]:
    return {decl.value.name for decl in decls.consts.values() if isinstance(decl.value, ast.NameExpr)}


def _tests(
    items: Sequence[ast.Item], decls: Declarations, checker: RuleChecker, rules: Sequence[Rule], report: Report
) -> tuple[PolicyTest, ...]:
    names = [item.name.text for item in items if isinstance(item, ast.RuleDecl)]
    tested = any(isinstance(item, ast.TestDecl) for item in items)
    timed = tested and (bool(checker.meters) or any(reads_now(rule) for rule in rules))
    expander = TestExpander(decls, report, names, checker.obligations, reads_now=timed)
    for item in items:
        if isinstance(item, ast.FixtureDecl):
            expander.fixture(item)
    made: list[PolicyTest] = []
    for item in items:
        if isinstance(item, ast.TestDecl):
            made.extend(expander.test(item))
    return tuple(made)


def _cost(decls: Declarations, checker: RuleChecker, rules: Sequence[Rule], report: Report) -> dict[str, int]:
    totals = dict.fromkeys(sorted(decls.schema.actions), 0)
    for meter in checker.meters.values():
        for action, counted in meter.bodies.items():
            totals[action] += counted.cost
    for rule in rules:
        for action, body in rule.bodies.items():
            totals[action] += body.cost
    for action, total in totals.items():
        if total > MAX_COST and any(action in rule.bodies for rule in rules):
            heaviest = max((rule for rule in rules if action in rule.bodies), key=lambda rule: rule.bodies[action].cost)
            report.error(
                "limit.cost", f"the rules for `{action}` could take {total:,} steps; the limit is {MAX_COST:,}", heaviest.span,
                cause=f"`{heaviest.name}` takes {heaviest.bodies[action].cost:,} of them", help="lower an @max or split the action",
            )  # fmt: skip
    return totals


def _unused(decls: Declarations, checker: RuleChecker, report: Report) -> None:
    reached = checker.typer.used_defs
    _check_circles(sorted(set(decls.defs) - reached), decls, report)
    for name, decl in sorted(decls.defs.items()):
        if name not in reached:
            _check_unused_def(decl, decls, report)
            if "::" in name:
                continue
            report.warn(
                "lint.unused",
                f"the def `{name}` is never used",
                decl.name.span,
                cause="a def is typed at each use, so this one was not",
            )
    named = (("const", decls.consts), ("param", decls.params), ("table", decls.tables))
    for word, values in named:
        for name, decl_span in sorted((name, decl.name.span) for name, decl in values.items()):
            if name not in checker.typer.used_consts and "::" not in name:
                report.warn("lint.unused", f"the {word} `{name}` is never used", decl_span)
    declared = {"meter": {n: d.name for n, d in decls.meters.items()}, "obligation": {n: d.name for n, d in decls.obligations.items()}}
    for what, limits in declared.items():
        for name, limit in sorted(limits.items()):
            if name not in checker.used_limits and not report.errors:
                report.warn("lint.unused", f"the {what} `{name}` is never used", limit.span)


def _check_unused_def(decl: ast.DefDecl, decls: Declarations, report: Report) -> None:
    try:
        for _, formal in decl.formals:
            decls.resolve(formal)
        decls.resolve(decl.result)
    except Refused as error:
        report.add(error.diagnostic)


def _check_circles(names: Sequence[str], decls: Declarations, report: Report) -> None:
    """Defs do not call each other in a circle, used or not: one report per circle."""
    calls = {name: _calls(decls.defs[name].body, decls) for name in names}
    done: set[str] = set()
    for name in names:
        path: list[str] = []
        todo: list[tuple[str, ast.FunctionCall | None, bool]] = [(name, None, False)]
        while todo:
            current, call, leaving = todo.pop()
            if leaving:
                path.pop()
                done.add(current)
            elif call is not None and current in path:
                message = f"the def `{current}` calls itself"
                report.error("name.cycle", message, call.span, cause="nothing in the language recurs")
            elif current not in done:
                path.append(current)
                todo.append((current, None, True))
                todo.extend((callee.name.text, callee, False) for callee in calls.get(current, ()))


def _calls(body: ast.Expr, decls: Declarations) -> list[ast.FunctionCall]:
    found: list[ast.FunctionCall] = []
    todo = [body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionCall) and node.name.text in decls.defs:
            found.append(node)
        todo.extend(ast.inside(node))
    return found
