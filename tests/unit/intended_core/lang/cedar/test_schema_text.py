"""The human syntax of schemas."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.schema_text import parse_schema_text
from intended_core.lang.report import Refused
from intended_core.lang.source import Source


def parse(text: str) -> list[object]:
    return list(parse_schema_text(Source.from_text("s.cedarschema", text)))


def test_every_form() -> None:
    outer, inner = parse_schema_text(
        Source.from_text(
            "s",
            '@doc("x") entity A, B in [C] = { @doc a: Long, "b c"?: Set<__cedar::String>, in: Bool } tags Long;\n'
            'entity C { x: D }; entity E enum ["p", "q",];\n'
            'action view, "a b" in [all, N::Action::"g"] appliesTo { principal: A, resource: [A, B], context: { x?: Long } } attributes {};\n'
            "type D = { y: Long };\n"
            "namespace N::M { entity F; action g; }",
        )
    )
    assert [entity.name for entity in outer.entities] == ["A", "B", "C", "E"]
    assert [parent.name for parent in outer.entities[0].parents] == ["C"]
    assert [(name, required) for name, _, required in outer.entities[0].shape.members] == [("a", True), ("b c", False), ("in", True)]  # type: ignore[union-attr]
    assert outer.entities[3].ids == ("p", "q")
    assert [action.name for action in outer.actions] == ["view", "a b"]
    assert outer.actions[0].groups == ((None, "all"), ("N::Action", "g"))
    assert [name.name for name in outer.actions[0].resources] == ["A", "B"]
    assert inner.name == "N::M"
    assert [name for name, _, _ in outer.commons] == ["D"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("entity A", "parse.unexpected"), ("entity in = {", "parse.unexpected"), ("entity if;", "name.invalid"), ("action a attributes { x: Long };", "unsupported"),
        ("action a appliesTo { principal: A, principal: B };", "field.repeated"), ('entity A enum ["\\q"];', "parse.string"), ("type T = Set<Long;", "parse.unexpected"),
        ("type T = " + "Set<" * 3 + "Long" + ">" * 2 + ";", "parse.unexpected"), ("type T = " + "{a: " * 65 + "Long" + "}" * 65 + ";", "limit.nesting"), ("entity A §;", "parse.character"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(text)
    assert caught.value.diagnostic.code == code
