"""Declarations to types: entities, enums, type aliases, actions; what they may say and the digest over all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.typed import Span
from intended_core.lang.typeforms import MAX_TYPE_DEPTH, measure, schema_digest
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    DECIMAL,
    DURATION,
    EMAIL,
    INT,
    STRING,
    ActionDecl,
    EntityDecl,
    EntityType,
    EnumType,
    Member,
    RecordType,
    Schema,
    SetType,
    Type,
)

__all__ = ["RESERVED", "Declarations", "build_schema"]

RESERVED: Final = frozenset(
    {"principal", "action", "resource", "args", "context", "now", "chain", "tenant", "approver", "origin", "datetime"}
)
MAX_SET: Final = 10_000  # the largest @max: one walk of it fits the step limit
_SCALARS: Final = {item.name: item for item in (BOOL, INT, DECIMAL, STRING, EMAIL, DATETIME, DURATION)}
_LATER: Final = frozenset({"Date", "Time", "Ip", "Host", "Url", "Path", "Digest", "List", "Map", "Grant"})
_MEMBER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_ACTION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything declared outside rules and tests."""

    pack: str
    schema: Schema
    types: Mapping[str, Type]
    consts: Mapping[str, ast.ConstDecl]
    defs: Mapping[str, ast.DefDecl]
    ancestors: Mapping[str, frozenset[str]]
    resolve: Callable[[ast.TypeExpr], Type]

    def below(self, name: str, above: str) -> bool:
        """Whether an entity of type `name` can be, or be in, one of type `above`."""
        return name == above or above in self.ancestors.get(name, frozenset())


class _Builder:
    def __init__(self, items: Sequence[ast.Item], report: Report) -> None:
        self.report = report
        self.entities: dict[str, ast.EntityDecl] = {}
        self.enums: dict[str, ast.EnumDecl] = {}
        self.aliases: dict[str, ast.TypeDecl] = {}
        self.actions: dict[str, tuple[ast.ActionDecl, Span]] = {}
        self.consts: dict[str, ast.ConstDecl] = {}
        self.defs: dict[str, ast.DefDecl] = {}
        self.pack: ast.PackDecl | None = None
        self._types: dict[str, Span] = {}
        self._values: dict[str, Span] = {}
        self._resolved: dict[str, Type] = {}
        self._open: list[str] = []
        self._cyclic: set[str] = set()
        self._refused: dict[str, ast.UnsupportedItem] = {}
        for item in items:
            self._collect(item)

    def _collect(self, item: ast.Item) -> None:
        if isinstance(item, ast.PackDecl):
            if self.pack is not None and (self.pack.name, self.pack.version) != (item.name, item.version):
                self.report.error(
                    "field.repeated", "two packs are declared in one set", item.span, help="check each pack on its own"
                )
            self.pack = item
        elif isinstance(item, ast.EntityDecl):
            for name in item.names:
                if self._take(self._types, name, "type"):
                    self.entities[name.text] = item
        elif isinstance(item, ast.EnumDecl):
            if self._take(self._types, item.name, "type"):
                self.enums[item.name.text] = item
        elif isinstance(item, ast.TypeDecl):
            if self._take(self._types, item.name, "type"):
                self.aliases[item.name.text] = item
        elif isinstance(item, ast.ActionDecl):
            for name in item.names:
                self._action_name(item, name)
        elif isinstance(item, ast.ConstDecl):
            if self._take(self._values, item.name, "name"):
                self.consts[item.name.text] = item
        elif isinstance(item, ast.DefDecl):
            if self._take(self._values, item.name, "name"):
                self.defs[item.name.text] = item
        elif isinstance(item, ast.UnsupportedItem):
            self.report.unsupported(item.what, item.span)
            self._refused[item.name] = item

    def _action_name(self, item: ast.ActionDecl, name: ast.Name) -> None:
        if _ACTION.fullmatch(name.text) is None:
            self.report.error("name.invalid", "an action name has 1-128 ASCII letters, digits and _ . / : -", name.span)
        elif name.text in self.actions:
            self.report.error(
                "name.duplicate", f"the action `{name.text}` is declared twice", name.span,
                help=f"the first declaration is at {self.actions[name.text][1]}",
            )  # fmt: skip
        else:
            self.actions[name.text] = (item, name.span)

    def _take(self, taken: dict[str, Span], name: ast.Name, what: str) -> bool:
        if name.text in RESERVED or name.text in _SCALARS or name.text in _LATER or name.text == "Set":
            self.report.error(
                "name.invalid",
                f"`{name.text}` has a meaning of its own in the language",
                name.span,
                help="choose another name",
            )
            return False
        if len(name.text) > 128:
            self.report.error("name.invalid", "a name has at most 128 characters", name.span)
            return False
        if name.text in taken:
            self.report.error(
                "name.duplicate", f"the {what} `{name.text}` is declared twice", name.span,
                help=f"the first declaration is at {taken[name.text]}",
            )  # fmt: skip
            return False
        taken[name.text] = name.span
        return True

    # types

    def resolve(self, expr: ast.TypeExpr, bound: int | None = None, depth: int = 0) -> Type:
        """The type meant; raises Refused."""
        if depth > MAX_TYPE_DEPTH:
            raise refuse("limit.nesting", f"types are nested deeper than {MAX_TYPE_DEPTH}", expr.span)
        if isinstance(expr, ast.RecordTypeExpr):
            return self.record(expr, depth)
        if isinstance(expr, ast.UnionType):
            names: set[str] = set()
            for part in expr.members:
                found = self.resolve(part, None, depth + 1)
                if not isinstance(found, EntityType):
                    raise refuse("type.mismatch", "a union joins entity types only", part.span)
                names.update(found.names)
            return EntityType(tuple(sorted(names)))
        return self._named(expr, bound, depth)

    def _named(self, expr: ast.TypeName, bound: int | None, depth: int) -> Type:
        name = expr.name
        if name in _LATER:
            what = f"the type `{name}`"
            raise refuse(
                "unsupported", f"{what} is part of the language, but this version does not run it yet", expr.span
            )
        if name == "Set":
            if len(expr.args) != 1:
                raise refuse("type.mismatch", "`Set` takes one type", expr.span, help="write `Set<String>`")
            element = self.resolve(expr.args[0], None, depth + 1)
            if isinstance(element, SetType):
                raise refuse("type.mismatch", "a set of sets is not a type of the language", expr.span)
            return SetType(element, bound)
        if expr.args:
            raise refuse("type.mismatch", f"`{name}` takes no type in `<…>`", expr.span)
        if name in _SCALARS:
            return _SCALARS[name]
        if name in self.entities:
            return EntityType((name,))
        if name in self.enums:
            return EnumType(name, tuple(member.text for member in self.enums[name].members))
        if name in self.aliases:
            return self._alias(name, expr.span, depth)
        if name in self._refused:  # reported where it is declared; the same code and place is one diagnostic
            raise refuse("unsupported", self._refused[name].what, self._refused[name].span)
        known = [*_SCALARS, "Set", *self._types]
        raise refuse(
            "name.unknown",
            f"there is no type `{name}`",
            expr.span,
            help=suggest(name, known) or "declare it with `entity`, `enum` or `type`",
        )

    def _alias(self, name: str, span: Span, depth: int) -> Type:
        if name in self._resolved:
            return self._resolved[name]
        if name in self._open:
            self._cyclic.update(self._open)
            chain = " → ".join([*self._open[self._open.index(name) :], name])
            raise refuse("name.cycle", f"the type `{name}` contains itself", span, label=chain)
        self._open.append(name)
        try:
            decl = self.aliases[name]
            found = self.resolve(decl.type, self._max(decl.annotations, decl.type), depth + 1)
        finally:
            self._open.pop()
        measure(found, span)
        self._resolved[name] = found
        return found

    def _max(self, notes: Sequence[ast.Annotation], type_: ast.TypeExpr) -> int | None:
        bound: int | None = None
        for note in notes:
            if note.name != "max":
                continue
            number = note.args[0] if len(note.args) == 1 else None
            if (
                not isinstance(number, ast.LiteralExpr)
                or number.kind != "int"
                or len(number.text) > 6
                or not 1 <= int(number.text) <= MAX_SET
            ):
                raise refuse("annotation.value", f"@max takes one number from 1 to {MAX_SET:,}", note.span)
            if bound is not None:
                raise refuse("field.repeated", "@max stands twice", note.span)
            bound = int(number.text)
            if not isinstance(type_, ast.TypeName) or type_.name != "Set":
                raise refuse("annotation.value", "@max bounds a `Set<…>`", note.span)
        return bound

    def record(self, expr: ast.RecordTypeExpr, depth: int = 0) -> RecordType:
        """The record type meant; raises Refused."""
        members: dict[str, Member] = {}
        for field in expr.fields:
            if isinstance(field, ast.IncludeDecl):
                base = self._named(ast.TypeName(field.name.text, (), field.name.span), None, depth + 1)
                if not isinstance(base, RecordType):
                    raise refuse("type.mismatch", f"`...{field.name.text}` is not a record", field.span)
                added = list(base.members)
            else:
                added = [self._member(field, depth)]
            for member in added:
                if member.name in members:
                    raise refuse("name.duplicate", f"the member `{member.name}` is declared twice", field.span)
                members[member.name] = member
        return RecordType(tuple(members.values()))

    def _member(self, field: ast.FieldDecl, depth: int) -> Member:
        if _MEMBER.fullmatch(field.name.text) is None:
            raise refuse(
                "name.invalid",
                "a member name has 1-64 ASCII letters, digits, _ and -, and starts with a letter or _",
                field.name.span,
            )
        from_caller = False
        for note in field.annotations:
            if note.name == "from":
                if len(note.args) != 1 or not isinstance(note.args[0], ast.Name) or note.args[0].text != "caller":
                    raise refuse("annotation.value", "@from takes `caller`", note.span, help="write `@from(caller)`")
                from_caller = True
            elif note.name in ("presentational", "discloses", "max_age"):
                message = f"`@{note.name}` is part of the language, but this version does not run it yet"
                raise refuse("unsupported", message, note.span)
            elif note.name != "max":
                hint = suggest(note.name, ("max", "from"))
                raise refuse("annotation.unknown", f"`@{note.name}` is not known on a member", note.span, help=hint)
        type_ = self.resolve(field.type, self._max(field.annotations, field.type), depth + 1)
        return Member(field.name.text, type_, field.optional, from_caller)

    # entities and actions

    def entity_decls(self) -> dict[str, EntityDecl]:
        made: dict[str, EntityDecl] = {}
        for name, decl in self.entities.items():
            try:
                made[name] = self._entity(name, decl)
            except Refused as error:
                self.report.add(error.diagnostic)
                made[name] = EntityDecl(name, (), RecordType(), False)
        return made

    def _entity(self, name: str, decl: ast.EntityDecl) -> EntityDecl:
        root = False
        for note in decl.annotations:
            if note.name != "root":
                raise refuse(
                    "annotation.unknown",
                    f"`@{note.name}` is not known on an entity",
                    note.span,
                    help=suggest(note.name, ("root",)),
                )
            if note.args:
                raise refuse("annotation.value", "@root takes no value", note.span)
            root = True
        for parent in decl.parents:
            if parent.text not in self.entities:
                hint = suggest(parent.text, self.entities)
                raise refuse("name.unknown", f"there is no entity type `{parent.text}`", parent.span, help=hint)
        attributes = RecordType() if decl.record is None else self.record(decl.record)
        measure(attributes, decl.span)
        for field in () if decl.record is None else decl.record.fields:
            if isinstance(field, ast.FieldDecl) and any(note.name == "from" for note in field.annotations):
                raise refuse("annotation.unknown", "@from belongs to args and context, not to attributes", field.span)
        return EntityDecl(name, tuple(sorted({parent.text for parent in decl.parents})), attributes, root)

    def action_decls(self) -> dict[str, ActionDecl]:
        made: dict[str, ActionDecl] = {}
        for name, (decl, span) in self.actions.items():
            try:
                made[name] = self._action(name, decl, span)
            except Refused as error:
                self.report.add(error.diagnostic)
        return made

    def _action(self, name: str, decl: ast.ActionDecl, span: Span) -> ActionDecl:
        for note in decl.annotations:
            raise refuse("annotation.unknown", f"`@{note.name}` is not known on an action", note.span)
        if decl.parents:
            raise refuse(
                "unsupported",
                "action groups are part of the language, but this version does not run them yet",
                decl.parents[0].span,
            )
        seen: dict[str, object] = {}
        for word, value, where in decl.parts:
            if word == "delegation":
                raise refuse(
                    "unsupported", "`delegation` is part of the language, but this version does not run it yet", where
                )
            if word in seen:
                raise refuse("field.repeated", f"`{word}` stands twice", where)
            seen[word] = value
        records: dict[str, RecordType] = {"args": RecordType(), "context": RecordType()}
        names: dict[str, tuple[str, ...]] = {}
        for word in ("principal", "resource"):
            listed = seen.get(word)
            if not isinstance(listed, tuple):
                raise refuse(
                    "field.missing", f"the action `{name}` does not say its `{word}`", span, help=f"add `{word}: Type;`"
                )
            for item in listed:
                if item.text not in self.entities:
                    hint = suggest(item.text, self.entities) or "declare it with `entity`"
                    raise refuse("name.unknown", f"there is no entity type `{item.text}`", item.span, help=hint)
            names[word] = tuple(sorted({item.text for item in listed}))
        for word in ("args", "context"):
            written = seen.get(word)
            if isinstance(written, ast.TypeName | ast.UnionType | ast.RecordTypeExpr):
                found = self.resolve(written)
                if not isinstance(found, RecordType):
                    raise refuse(
                        "type.mismatch",
                        f"`{word}` is a record",
                        written.span,
                        help="write `{ name: Type }` or the name of one",
                    )
                measure(found, written.span)
                records[word] = found
        return ActionDecl(name, names["principal"], names["resource"], records["args"], records["context"])

    def check_unused_aliases(self) -> None:
        for name, decl in self.aliases.items():
            for note in decl.annotations:
                if note.name != "max":
                    self.report.error("annotation.unknown", f"`@{note.name}` is not known on a type", note.span)
            if name in self._cyclic:
                continue
            try:
                self._alias(name, decl.name.span, 0)
            except Refused as error:
                self.report.add(error.diagnostic)
        for enum in self.enums.values():
            listed = [member.text for member in enum.members]
            for note in enum.annotations:
                self.report.error("annotation.unknown", f"`@{note.name}` is not known on an enum", note.span)
            for at, member in enumerate(enum.members):
                if member.text in listed[:at]:
                    self.report.error("name.duplicate", f'"{member.text}" stands twice', member.span)


def _ancestors(entities: Mapping[str, EntityDecl]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name in entities:
        seen: set[str] = set()
        todo = list(entities[name].parents)
        while todo:
            above = todo.pop()
            if above not in seen and above in entities:
                seen.add(above)
                todo.extend(entities[above].parents)
        found[name] = frozenset(seen)
    return found


def build_schema(items: Sequence[ast.Item], report: Report) -> Declarations:
    """Everything declared; problems go to the report, and what could not be read is left out."""
    builder = _Builder(items, report)
    entities, actions = builder.entity_decls(), builder.action_decls()
    builder.check_unused_aliases()
    types: dict[str, Type] = {name: EntityType((name,)) for name in builder.entities}
    for name in (*builder.enums, *builder.aliases):
        try:
            types[name] = builder.resolve(ast.TypeName(name, (), Span("", 1, 1, 1, 1)))
        except Refused:
            continue  # already reported where it is declared
    schema = Schema(entities, actions, b"" if report.errors else schema_digest(entities, actions))
    pack = "" if builder.pack is None else builder.pack.name
    return Declarations(pack, schema, types, builder.consts, builder.defs, _ancestors(entities), builder.resolve)
