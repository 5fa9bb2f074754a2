from __future__ import annotations

from intended_core.lang.checker import check_all
from intended_core.lang.parser import parse_all
from intended_core.lang.salvage import sound_items
from intended_core.lang.source import Source

SOUND = (
    "@root entity User { name: String }\nentity Door;\naction open { principal: User; resource: Door; }\n"
    "action shut { principal: User; resource: Door; }\n"
)


def codes(text: str) -> list[tuple[str, int]]:
    checked, found = check_all([Source("p.policy", text)])
    assert checked is None
    return [(item.code, item.span.line) for item in found]


def test_what_rests_on_a_broken_declaration_is_left_alone() -> None:
    text = SOUND + "entity Key { size: Itn }\nentity Ring { key: Key }\naction turn { principal: User; resource: Ring; }\n"
    text += '@id("a") permit a { action == turn; when resource.key.sise > 3; }\n'
    assert codes(text) == [("name.unknown", 5)]


def test_what_rests_on_nothing_broken_is_checked() -> None:
    text = SOUND + 'entity Key { size: Itn }\n@id("a") permit a { action == open; when principal.nmae == "x"; }\n'
    assert codes(text) == [("name.unknown", 5), ("type.member", 6)]


def test_an_item_that_does_not_parse_takes_its_names_along() -> None:
    text = SOUND + 'entity Key, Ring { size Int }\nactoin turn { principal: User; resource: Key; }\n'
    text += '@id("a") permit a { action == turn; }\n@id("b") permit b { action == opne; when true; }\n'
    assert codes(text) == [("parse.unexpected", 5), ("parse.unexpected", 6), ("name.unknown", 8)]


def test_a_rule_of_every_action_waits_for_every_action() -> None:
    text = SOUND + 'action turn { principal: User; resource: Dor; }\n@id("a") forbid a { when resource.colour == "red"; }\n'
    assert codes(text) == [("name.unknown", 5)]


def test_nothing_broken_keeps_everything() -> None:
    source = Source("p.policy", SOUND)
    items, _ = parse_all([source])
    assert sound_items(items, [], [source]) == items
