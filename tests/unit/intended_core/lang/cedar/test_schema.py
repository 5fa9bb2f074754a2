"""Names of a schema resolve as Cedar resolves them; what cannot be is refused."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.loading import load_schema
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.schema import resolve_schema
from intended_core.lang.cedar.schema_text import parse_schema_text
from intended_core.lang.cedar.types import LONG, STRING, EntityT, RecordT
from intended_core.lang.report import Refused
from intended_core.lang.source import Source


def test_names_of_the_namespace_come_first() -> None:
    found = load_schema(
        "s", b"type T = String; entity U; namespace N { type T = Long; entity U = { t: T, o: O, u: U, s: __cedar::String }; } entity O;"
    )
    assert found.entities["N::U"].attributes == RecordT(
        (("o", EntityT("O"), True), ("s", STRING, True), ("t", LONG, True), ("u", EntityT("N::U"), True))
    )


def test_ancestors_are_closed() -> None:
    found = load_schema("s", b"entity A in [B]; entity B in [C]; entity C in [C]; action a in [b]; action b in [c]; action c;")
    assert found.entities["A"].ancestors == {"B", "C"}
    assert found.actions[CedarRef("Action", "a")].ancestors == {CedarRef("Action", "b"), CedarRef("Action", "c")}
    assert found.below("A", "C")
    assert not found.below("C", "A")
    assert found.below("X", "X")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("entity A in [B];", "name.unknown"), ("entity A = { x: Nope };", "name.unknown"), ("type T = { a: T };", "name.cycle"), ("type A = B; type B = A;", "name.cycle"),
        ("action a in [b]; action b in [a];", "name.cycle"), ("action a in [x];", "name.unknown"), ("entity A; entity A;", "name.duplicate"), ("action a; action a;", "name.duplicate"),
        ("type T = Long; type T = Long;", "name.duplicate"), ("entity Action;", "name.invalid"), ("type Long = String;", "name.invalid"), ("entity A = { a: Long, a: Long };", "name.duplicate"),
        ("type T = Long; entity A = T;", "parse.unexpected"), ("type T = Long; action a appliesTo { principal: [], resource: [], context: T };", "type.mismatch"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        resolve_schema(parse_schema_text(Source.from_text("s", text)))
    assert caught.value.diagnostic.code == code


def test_the_digest_follows_the_meaning() -> None:
    one = load_schema("s", b"entity A; entity B;")
    assert one.digest == load_schema("s", b"entity B;\n entity A;").digest
    assert one.digest != load_schema("s", b"entity A; entity B in [A];").digest
