"""Declarations to types: entities, enums, type aliases, actions; what they may say and the digest over all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.groups import action_groups
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.resolve import GENERIC, TypeResolver
from intended_core.lang.typed import Span
from intended_core.lang.typeforms import measure, schema_digest
from intended_core.lang.types import (
    SCALARS,
    ActionDecl,
    EntityDecl,
    EntityType,
    ListType,
    MapType,
    ParamDecl,
    RecordType,
    Schema,
    SetType,
    TableDecl,
    Type,
)
from intended_core.values import Value

__all__ = ["RESERVED", "Declarations", "build_schema", "sealed"]

RESERVED: Final = frozenset(
    {"principal", "action", "resource", "args", "context", "now", "chain", "tenant", "approver", "origin", "datetime"}
)
_ACTION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything declared outside rules and tests."""

    pack: str
    version: str
    schema: Schema
    types: Mapping[str, Type]
    consts: Mapping[str, ast.ConstDecl]
    params: Mapping[str, ast.ParamDecl]
    tables: Mapping[str, ast.TableDecl]
    defs: Mapping[str, ast.DefDecl]
    ancestors: Mapping[str, frozenset[str]]
    resolve: Callable[[ast.TypeExpr], Type]
    meters: Mapping[str, ast.MeterDecl]
    obligations: Mapping[str, ast.ObligationDecl]
    groups: Mapping[str, tuple[str, ...]]

    def below(self, name: str, above: str) -> bool:
        """Whether an entity of type `name` can be, or be in, one of type `above`."""
        return name == above or above in self.ancestors.get(name, frozenset())


class _Builder(TypeResolver):
    def __init__(self, items: Sequence[ast.Item], report: Report) -> None:
        self.report = report
        self.entities: dict[str, ast.EntityDecl] = {}
        self.enums: dict[str, ast.EnumDecl] = {}
        self.aliases: dict[str, ast.TypeDecl] = {}
        self.actions: dict[str, tuple[ast.ActionDecl, Span]] = {}
        self.consts: dict[str, ast.ConstDecl] = {}
        self.params: dict[str, ast.ParamDecl] = {}
        self.tables: dict[str, ast.TableDecl] = {}
        self.defs: dict[str, ast.DefDecl] = {}
        self.meters: dict[str, ast.MeterDecl] = {}
        self.obligations: dict[str, ast.ObligationDecl] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.pack: ast.PackDecl | None = None
        self._types: dict[str, Span] = {}
        self._values: dict[str, Span] = {}
        self._limits: dict[str, Span] = {}
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
        elif isinstance(item, ast.ParamDecl):
            if self._take(self._values, item.name, "name"):
                self.params[item.name.text] = item
        elif isinstance(item, ast.TableDecl):
            if self._take(self._values, item.name, "name"):
                self.tables[item.name.text] = item
        elif isinstance(item, ast.DefDecl):
            if self._take(self._values, item.name, "name"):
                self.defs[item.name.text] = item
        elif isinstance(item, ast.MeterDecl):
            if self._take(self._limits, item.name, "name"):
                self.meters[item.name.text] = item
        elif isinstance(item, ast.ObligationDecl):
            if self._take(self._limits, item.name, "name"):
                self.obligations[item.name.text] = item
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
        if name.text in {*RESERVED, *SCALARS, *GENERIC, "Grant"}:
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
        self.groups = action_groups(self.actions, self.report)
        for name, (decl, span) in self.actions.items():
            if name in self.groups:
                for note in decl.annotations:
                    self.report.error("annotation.unknown", f"`@{note.name}` stands on actions, not on a group", note.span)
                continue
            try:
                made[name] = self._action(name, decl, span)
            except Refused as error:
                self.report.add(error.diagnostic)
        return made

    def _action(self, name: str, decl: ast.ActionDecl, span: Span) -> ActionDecl:
        for note in decl.annotations:
            if note.name != "discloses":
                hint = suggest(note.name, ("discloses",))
                raise refuse("annotation.unknown", f"`@{note.name}` is not known on an action", note.span, help=hint)
            if note.args:
                raise refuse("annotation.value", "@discloses takes no value", note.span)
        seen: dict[str, object] = {}
        for word, value, where in decl.parts:
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
        delegation = seen.get("delegation")
        if isinstance(delegation, ast.Name):
            self._delegation(name, delegation, names["principal"])
        return ActionDecl(
            name, names["principal"], names["resource"], records["args"], records["context"], delegation is not None,
            discloses=bool(decl.annotations),
        )

    def _delegation(self, action: str, word: ast.Name, principals: tuple[str, ...]) -> None:
        if word.text != "intersect":
            raise refuse("type.literal", "`delegation` is `intersect`", word.span, help="write `delegation: intersect;`")
        if not any(note.name == "root" for name in principals for note in self.entities[name].annotations):
            raise refuse(
                "delegation.root", f"no principal of `{action}` is a @root type, so a chain could begin nowhere", word.span,
                cause="each hop of the chain must be a principal of the action",
                help="add the type of the people whom agents act for to `principal`, and mark it @root",
            )  # fmt: skip

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

    # data beside the policy

    def param_decls(self) -> dict[str, ParamDecl]:
        """Params without their defaults, which need types of their own (`checker`)."""
        made: dict[str, ParamDecl] = {}
        for name, decl in self.params.items():
            try:
                for note in decl.annotations:
                    if note.name != "max":
                        raise refuse("annotation.unknown", f"`@{note.name}` is not known on a param", note.span)
                found = self.resolve(decl.type, self._max(decl.annotations, decl.type))
                if isinstance(found, MapType):
                    raise refuse("type.mismatch", "only a table is a `Map`", decl.type.span, help=f"write `table {name}: …;`")
                measure(found, decl.type.span)
                made[name] = ParamDecl(name, found, None)
            except Refused as error:
                self.report.add(error.diagnostic)
        return made

    def table_decls(self) -> dict[str, TableDecl]:
        """Tables."""
        made: dict[str, TableDecl] = {}
        for name, decl in self.tables.items():
            try:
                age = self.max_age(decl.annotations)
                found = self.resolve(decl.type, self._max(decl.annotations, decl.type))
                if not isinstance(found, SetType | ListType | MapType):
                    raise refuse(
                        "type.mismatch", "a table is a `Set`, a `List` or a `Map`", decl.type.span, help="one value is a `param`"
                    )  # fmt: skip
                measure(found, decl.type.span)
                made[name] = TableDecl(name, found, age)
            except Refused as error:
                self.report.add(error.diagnostic)
        return made


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
    schema = Schema(entities, actions, b"", builder.param_decls(), builder.table_decls())
    pack = "" if builder.pack is None else builder.pack.name
    version = "" if builder.pack is None else builder.pack.version
    return Declarations(
        pack, version, schema, types, builder.consts, builder.params, builder.tables, builder.defs, _ancestors(entities), builder.resolve,
        builder.meters, builder.obligations, builder.groups,
    )  # fmt: skip


def sealed(schema: Schema, defaults: Mapping[str, Value]) -> Schema:
    """The schema with the defaults of its params and its digest."""
    params = {name: replace(item, default=defaults.get(name)) for name, item in schema.params.items()}
    return replace(schema, params=params, digest=schema_digest(schema.entities, schema.actions, params, schema.tables))
