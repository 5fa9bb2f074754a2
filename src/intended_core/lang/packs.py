"""Packs of one set: which one the set is, which it imports, and whole names for what imported packs declare.

A set is the files that the host gives it; every rule of every file is in force. `import` adds nothing to that: it lets a file name the
declarations of another pack among the files, by pack name, never by path or tenant. What an imported pack declares is called
`pack::Name` everywhere: in diagnostics, entities, tokens and records. Tests of an imported pack are run where it is the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import Report
from intended_core.lang.resolve import GENERIC
from intended_core.lang.schema import RESERVED
from intended_core.lang.typed import Span
from intended_core.lang.types import SCALARS

__all__ = ["resolve_packs"]

_OWN: Final = frozenset({*RESERVED, *SCALARS, *GENERIC, "Grant"})
_VALUES: Final = (ast.ConstDecl, ast.ParamDecl, ast.TableDecl, ast.DefDecl)
# Where a bare name of one kind stands, by node and field.
_KINDS: Final[Mapping[tuple[type, str], str]] = {
    **dict.fromkeys(
        (
            (ast.TypeName, "name"), (ast.IncludeDecl, "name"), (ast.EntityDecl, "names"), (ast.EntityDecl, "parents"),
            (ast.EnumDecl, "name"),
            (ast.TypeDecl, "name"), (ast.ScopeDecl, "types"), (ast.EntityExpr, "type"), (ast.IsExpr, "type"),
        ),
        "type",
    ),
    **dict.fromkeys(((ast.ActionDecl, "names"), (ast.ActionDecl, "parents")), "action"),
    **dict.fromkeys(((ast.NameExpr, "name"), (ast.FunctionCall, "name"), *((kind, "name") for kind in _VALUES)), "value"),
    (ast.RuleDecl, "name"): "rule",
}  # fmt: skip
_PARTS: Final = {"principal": "type", "resource": "type", "on": "action"}  # lists of names in actions and meters
_MUST_BE_IMPORTED: Final = frozenset({"type", "value"})


@dataclass(slots=True)
class _Pack:
    name: str
    version: str
    files: set[str]
    imports: dict[str, ast.ImportDecl]
    declared: dict[str, set[str]]


def resolve_packs(items: Sequence[ast.Item], report: Report) -> tuple[tuple[ast.Item, ...], tuple[tuple[str, str], ...]]:
    """The items with whole names, without imports; and name and version of each imported pack. Problems go to the report."""
    if not any(isinstance(item, ast.ImportDecl) for item in items):
        return tuple(items), ()
    home, packs = _packs(items, report)
    imports = _imports(items, home, packs, report)
    if report.errors:
        return tuple(items), ()
    _circles(packs, report)
    imported = {decl.pack.text for pack in packs.values() for decl in pack.imports.values()}
    mains = [name for name in packs if name and name not in imported]
    main = mains[0] if mains else ""
    made: list[ast.Item] = []
    for item in items:
        file = item.span.file
        pack = home[file] or main
        if isinstance(item, ast.ImportDecl) or (isinstance(item, ast.PackDecl) and pack in imported):
            continue
        if pack in imported and isinstance(item, ast.FixtureDecl | ast.TestDecl):
            continue
        names = _Names(pack if pack in imported else "", packs, imports.get(file, {}), report)
        made.append(names.visit(item))
    named = sorted((name, packs[name].version) for name in imported)
    return tuple(made), tuple(named)


def _packs(items: Sequence[ast.Item], report: Report) -> tuple[dict[str, str], dict[str, _Pack]]:
    home: dict[str, str] = {}
    packs: dict[str, _Pack] = {}
    for item in items:
        if isinstance(item, ast.PackDecl):
            pack = packs.setdefault(item.name, _Pack(item.name, item.version, set(), {}, {}))
            if pack.version != item.version:
                message = f'the pack `{item.name}` has two versions: "{pack.version}" and "{item.version}"'
                report.error("field.repeated", message, item.span, help="give one version of a pack")
            home[item.span.file] = item.name
    for item in items:
        pack = packs.setdefault(home.setdefault(item.span.file, ""), _Pack("", "", set(), {}, {}))
        pack.files.add(item.span.file)
        for kind, name in _declares(item):
            if name not in _OWN:
                pack.declared.setdefault(kind, set()).add(name)
    return home, packs


def _declares(item: ast.Item) -> list[tuple[str, str]]:
    if isinstance(item, ast.EntityDecl):
        return [("type", name.text) for name in item.names]
    if isinstance(item, ast.EnumDecl | ast.TypeDecl):
        return [("type", item.name.text)]
    if isinstance(item, ast.ActionDecl):
        return [("action", name.text) for name in item.names]
    if isinstance(item, _VALUES):
        return [("value", item.name.text)]
    return [("rule", item.name.text)] if isinstance(item, ast.RuleDecl) else []


def _imports(
    items: Sequence[ast.Item], home: Mapping[str, str], packs: Mapping[str, _Pack], report: Report
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in items:
        if not isinstance(item, ast.ImportDecl):
            continue
        wanted = item.pack.text
        if wanted not in packs or not wanted:
            hint = suggest(wanted, [name for name in packs if name]) or "give its files together with these"
            message = f"no file of this set declares the pack `{wanted}`"
            report.error("import.unknown", message, item.pack.span, help=hint, cause="a pack is found by its name among the given files")
            continue
        written = wanted if item.alias is None else item.alias.text
        names = found.setdefault(item.span.file, {})
        if written in names:
            report.error("name.duplicate", f"`{written}` is imported twice", item.span)
            continue
        names[written] = wanted
        packs[home[item.span.file]].imports.setdefault(wanted, item)
    return found


def _circles(packs: Mapping[str, _Pack], report: Report) -> None:
    """One report per circle of imports."""
    done: set[str] = set()
    for start in sorted(packs):
        path: list[str] = []
        todo: list[tuple[str, ast.ImportDecl | None]] = [(start, None)]
        while todo:
            name, decl = todo.pop()
            if name == "\0":
                done.add(path.pop())
            elif decl is not None and name in path:
                chain = " → ".join([*path[path.index(name) :], name])
                report.error("import.cycle", f"the pack `{name}` imports itself", decl.span, label=chain)
            elif name not in done:
                path.append(name)
                todo.append(("\0", None))
                todo.extend((wanted, one) for wanted, one in sorted(packs[name].imports.items()))
    mains = [name for name in packs if name and all(name not in pack.imports for pack in packs.values())]
    if len(mains) > 1 and not report.errors:
        place = next(iter(packs[mains[0]].imports.values()), None)
        where = Span(min(packs[mains[1]].files), 1, 1, 1, 1) if place is None else place.span
        message = f"two packs are not imported by any other: `{mains[0]}` and `{mains[1]}`"
        report.error("field.repeated", message, where, help="a set is one pack and those that it imports")


class _Names:
    """Writes whole names into the items of one file. `pack`: the imported pack it belongs to, or "" for the set's own."""

    def __init__(self, pack: str, packs: Mapping[str, _Pack], imports: Mapping[str, str], report: Report) -> None:
        self.pack = pack
        self.declared = packs[pack].declared if pack else {}
        self.imports = imports
        self.report = report

    def visit(self, node: Any) -> Any:
        """The same node with whole names."""
        if isinstance(node, tuple):
            kind = _PARTS.get(node[0]) if len(node) == 3 and isinstance(node[0], str) else None
            if kind is not None and isinstance(node[1], tuple):
                return (node[0], self._named(node[1], kind, node), node[2])
            made = tuple(self.visit(item) for item in node)
            return made if any(new is not old for new, old in zip(made, node, strict=True)) else node
        if not is_dataclass(node) or isinstance(node, Span | type):
            return node
        if isinstance(node, ast.Name):
            return self._name(node, "", node.span)
        changed: dict[str, Any] = {}
        for field in fields(node):
            value = getattr(node, field.name)
            kind = self._kind(node, field.name)
            new = self.visit(value) if kind is None else self._named(value, kind, node)
            if new is not value:
                changed[field.name] = new
        self._locals(node)
        return replace(node, **changed) if changed else node

    def _kind(self, node: Any, field: str) -> str | None:
        if isinstance(node, ast.RuleClause) and field == "value" and node.kind == "action":
            return "action" if isinstance(node.value, tuple) else None
        return _KINDS.get((type(node), field))

    def _named(self, value: Any, kind: str, node: Any) -> Any:
        if isinstance(value, str):
            return self._whole(value, kind, node.span)
        if isinstance(value, ast.Name):
            return self._name(value, kind, value.span)
        return None if value is None else tuple(self._name(item, kind, item.span) for item in value)

    def _name(self, name: ast.Name, kind: str, span: Span) -> ast.Name:
        whole = self._whole(name.text, kind, span)
        return name if whole == name.text else ast.Name(whole, name.span)

    def _whole(self, text: str, kind: str, span: Span) -> str:
        prefix, colons, last = text.rpartition("::")
        if not colons:
            return f"{self.pack}::{text}" if text in self.declared.get(kind, ()) else text
        if prefix in self.imports:
            return f"{self.imports[prefix]}::{last}"
        if kind in _MUST_BE_IMPORTED:
            hint = suggest(prefix, self.imports) or f"write `import {prefix};`"
            self.report.error("import.unknown", f"this file imports nothing as `{prefix}`", span, help=hint)
        return text

    def _locals(self, node: Any) -> None:
        """A variable of an imported pack may not be called like one of its values: the whole name would take its place."""
        bound: list[ast.Name] = []
        if isinstance(node, ast.QuantExpr):
            bound = [node.var]
        elif isinstance(node, ast.DefDecl):
            bound = [name for name, _ in node.formals]
        elif isinstance(node, ast.RuleClause) and node.kind == "let" and isinstance(node.value, tuple):
            bound = [node.value[0]]
        for name in bound:
            if name.text in self.declared.get("value", ()):
                message = f"`{name.text}` already has a meaning here"
                self.report.error("name.duplicate", message, name.span, help="choose another name")
