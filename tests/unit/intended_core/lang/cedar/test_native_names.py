"""Native names of Cedar's types, actions and members."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.loading import load_schema
from intended_core.lang.cedar.native_names import action_word, member_name, native_names, native_string, schema_text
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.report import Refused
from intended_core.lang.typed import Span

HERE = Span("s", 1, 1, 1, 1)


def test_the_namespace_goes_where_nothing_is_confused() -> None:
    schema = load_schema(
        "s",
        b"namespace A { entity U, V, Path; action x, y appliesTo {principal: U, resource: V}; } namespace B { entity U; action x appliesTo {principal: U, resource: U}; }",
    )
    names = native_names(schema, HERE)
    assert names.types == {"A::U": "A_U", "B::U": "B_U", "A::V": "V", "A::Path": "Path_"}
    assert names.actions == {
        CedarRef("A::Action", "x"): "A::x", CedarRef("B::Action", "x"): "B::x", CedarRef("A::Action", "y"): "y",
    }  # fmt: skip


def test_an_action_that_cannot_be_named_is_refused() -> None:
    schema = load_schema("s", b'entity U; action "a b" appliesTo {principal: U, resource: U};')
    with pytest.raises(Refused):
        native_names(schema, HERE)


def test_members_and_strings() -> None:
    assert [member_name(name, HERE) for name in ("a", "page-size", "in", "principal")] == ["a", '"page-size"', '"in"', '"principal"']
    for bad in ("", "a b", "é", "1a", "a" * 65):
        with pytest.raises(Refused):
            member_name(bad, HERE)
    assert native_string('a"\\\n\0') == '"a\\"\\\\\\n\\u{0}"'
    assert [action_word(name) for name in ("view", "tools/call", "when")] == ["view", '"tools/call"', '"when"']


def test_a_schema() -> None:
    schema = load_schema("s", b"entity U in G = {a: Long, b?: {c: Set<decimal>}} tags String; entity G; action x appliesTo {principal: U, resource: [U, G], context: {d: ipaddr}};")
    assert schema_text(schema, native_names(schema, HERE), HERE) == (
        "entity G {}\n@root entity U in G { a: Int, b?: { c: Set<Decimal> } }\n\naction x {\n  principal: U; resource: G, U;\n  context: { d: Ip };\n}\n"
    )
