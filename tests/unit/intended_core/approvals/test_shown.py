from __future__ import annotations

import pytest

from intended_core.approvals.shown import MAX_LINES, escaped, shown_intent
from intended_core.canonical import canonical_json
from intended_core.errors import IntentError


def lines(value: object) -> list[str]:
    return shown_intent(canonical_json(value)).split("\n")


def test_every_value_has_a_line() -> None:
    intent = {"action": "pay", "args": {"amount": "500.00", "to": [{"id": "a"}, 2]}, "context": {}, "urgent": True, "note": None}
    assert lines(intent) == [
        'action = "pay"', 'args.amount = "500.00"', 'args.to.1.id = "a"', "args.to.2 = 2", "context = empty",
        "note = nothing", "urgent = true",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[31m", "\x9b2J", "\u202e", "\u2066", "\u200b", "\ufeff", "\r", "\n", "\u2028", "\u0085", "\x00", "\x08", "\xad", "a\u0336",
     "\ue000", "\U000e0041", "\u3164"[:0] + "\u180e", "\xa0", "<b>", "&lt;", "`x`", "[x](y)", "a|b", "\\u{41}"],
)  # fmt: skip
def test_nothing_hides_or_acts(hostile: str) -> None:
    shown = escaped(hostile)
    assert shown != hostile
    assert "\\u{" in shown
    assert all(char.isprintable() and char not in "<>&`[]|" for char in shown)
    assert escaped(shown) != shown, "a text that spells an escape is not taken for one"


def test_a_value_cannot_end_its_own_line_or_quote() -> None:
    [line] = lines({"a": 'x"\nargs.amount = "1.00'})
    assert line == 'a = "x\\u{22}\\u{a}args.amount = \\u{22}1.00"'


def test_letters_that_look_alike_are_named() -> None:
    [line] = lines({"to": "p\u0430ypal"})
    assert line.endswith("(not ASCII: U+0430)")


def test_a_name_of_a_member_is_escaped_as_well() -> None:
    assert lines({"a\x1b": 1}) == ["a\\u{1b} = 1"]


def test_what_is_too_long_says_so() -> None:
    found = lines(list(range(MAX_LINES + 5)))
    assert len(found) == MAX_LINES + 1
    assert found[-1].startswith("... and 5 more")


def test_only_canonical_bytes_are_shown() -> None:
    with pytest.raises(IntentError):
        shown_intent(b'{"a": 1}')
