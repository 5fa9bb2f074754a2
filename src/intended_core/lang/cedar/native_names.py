"""Cedar's schema in the native language: types and actions under names that its grammar takes, or a refusal with the place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.types import (
    BoolT,
    CedarSchema,
    CedarType,
    EntityInfo,
    EntityT,
    ExtT,
    Plain,
    RecordT,
    SetT,
)
from intended_core.lang.report import refuse
from intended_core.lang.typed import Span

__all__ = ["NativeNames", "action_word", "member_name", "native_names", "native_string", "schema_text"]

_MEMBER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ACTION: Final = re.compile(r"[A-Za-z0-9_./:-]{1,128}")
_EXTENSIONS: Final = {"decimal": "Decimal", "ipaddr": "Ip", "datetime": "Datetime", "duration": "Duration"}
_TYPES: Final = (
    "Bool Int Decimal String Datetime Date Time Duration Ip Host Url Path Email Digest Set List Map Grant Origin "
    "Weekday"
)
_TAKEN: Final = frozenset(_TYPES.split(" "))


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeNames:
    """What each Cedar entity type and action is called natively."""

    types: Mapping[str, str]
    actions: Mapping[CedarRef, str]


def native_names(schema: CedarSchema, span: Span) -> NativeNames:
    """Names without their namespace where that is unambiguous; raises Refused for an action that cannot be named."""
    types = _unique(schema.entities)
    made: dict[CedarRef, str] = {}
    short: dict[str, list[CedarRef]] = {}
    for ref in schema.actions:
        short.setdefault(ref.id, []).append(ref)
    for ref in schema.actions:
        space = ref.type.removesuffix("Action")
        name = ref.id if len(short[ref.id]) == 1 else f"{space}{ref.id}"
        if schema.actions[ref].principals and _ACTION.fullmatch(name) is None:
            message = f"{ref} cannot be the name of an action: letters, digits and _ . / : - are"
            raise refuse("name.invalid", message, span)
        made[ref] = name
    return NativeNames(types=types, actions=made)


def _unique(names: Iterable[str]) -> dict[str, str]:
    short: dict[str, list[str]] = {}
    for name in names:
        short.setdefault(name.rpartition("::")[2], []).append(name)
    made: dict[str, str] = {}
    for local, full in short.items():
        for name in full:
            native = local if len(full) == 1 else name.replace("::", "_")
            made[name] = f"{native}_" if native in _TAKEN else native
    return made


def native_string(text: str) -> str:
    """A native string literal."""
    shown = [
        {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}.get(char)
        or (char if char.isprintable() else f"\\u{{{ord(char):x}}}")
        for char in text
    ]
    return '"' + "".join(shown) + '"'


def member_name(name: str, span: Span) -> str:
    """A member's name as an author writes it; raises Refused where the native language has no such name."""
    if _MEMBER.fullmatch(name) is None:
        message = f"{native_string(name)} cannot be the name of a member: ASCII letters, digits, _ and - are"
        raise refuse("name.invalid", message, span)
    return name if _WORD.fullmatch(name) and name not in _KEYWORDS else f'"{name}"'


_WORDS: Final = (
    "principal action resource args context version type test from until meter approval valid before after now "
    "permit forbid escalate deny allow when unless in is has like if then else and or not any all count sum let "
    "entity enum const param table def policy pack import as prove never always expect given intent oblige obliges "
    "partial because true false lattice delegation obligation fixture case again with advance approve by on key "
    "window amount quorum exclude expires binds origins chain"
)
_KEYWORDS: Final = frozenset(_WORDS.split(" "))


def action_word(name: str) -> str:
    """An action's name as an author writes it."""
    return name if _WORD.fullmatch(name) and name not in _KEYWORDS else f'"{name}"'


def _type(type_: CedarType, names: NativeNames, span: Span) -> str:
    match type_:
        case BoolT():
            return "Bool"
        case Plain(name="Long"):
            return "Int"
        case Plain():
            return "String"
        case ExtT(name=name):
            return _EXTENSIONS[name]
        case EntityT(name=name):
            if name not in names.types:
                raise refuse("unsupported", f"an attribute of type {name} is not part of the native language", span)
            return names.types[name]
        case SetT(element=element):
            return f"Set<{_type(element, names, span)}>"
        case RecordT():
            return _record(type_, names, span)


def _record(type_: RecordT, names: NativeNames, span: Span) -> str:
    members = [
        f"{member_name(name, span)}{'' if required else '?'}: {_type(held, names, span)}"
        for name, held, required in type_.members
    ]
    return "{ " + ", ".join(members) + " }" if members else "{}"


def schema_text(schema: CedarSchema, names: NativeNames, span: Span) -> str:
    """Entity types and actions as native declarations; raises Refused for what has none."""
    roots = {name for info in schema.actions.values() for name in info.principals}
    lines = [_entity(info, names, info.name in roots, span) for info in schema.entities.values()]
    lines.append("")
    for ref, action in schema.actions.items():
        if not action.principals or not action.resources:
            continue
        name = names.actions[ref]
        shown = action_word(name)
        principals = ", ".join(names.types[kind] for kind in action.principals)
        resources = ", ".join(names.types[kind] for kind in action.resources)
        lines.append(f"action {shown} {{")
        lines.append(f"  principal: {principals}; resource: {resources};")
        if action.context.members:
            lines.append(f"  context: {_record(action.context, names, span)};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def _entity(info: EntityInfo, names: NativeNames, root: bool, span: Span) -> str:
    above = ", ".join(names.types[name] for name in sorted(info.ancestors))
    within = f" in {above}" if above else ""
    return f"{'@root ' if root else ''}entity {names.types[info.name]}{within} {_record(info.attributes, names, span)}"
