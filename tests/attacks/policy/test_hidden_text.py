"""Attacks that make a policy read otherwise than it is enforced."""

from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.checker import check, check_all
from intended_core.lang.source import Source, read_source

SCHEMA = "@root entity User { ok: Bool } entity Thing; action use { principal: User; resource: Thing; }\n"
PERMIT = '@id("p") permit p { action == use; when principal.ok; }\n'


def _codes(data: bytes) -> list[str]:
    source, problems = read_source("a.policy", data)
    if source is None:
        return [item.code for item in problems]
    return [item.code for item in check_all([source])[1] if item.severity == "error"]


@pytest.mark.parametrize("break_", ["\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_forbid_hidden_behind_a_comment(break_: str) -> None:
    """Some editors show the forbid on a line of its own; to the parser it would be comment."""
    text = SCHEMA + PERMIT + f'# careful{break_}@id("f") forbid f {{ action == use; }}\n'
    assert _codes(text.encode()) == ["source.line-break"]


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\u061c", "\u2069"])
def test_text_turned_around(mark: str) -> None:
    """The reader sees another order of words than the parser does."""
    text = SCHEMA + PERMIT.replace("when", f"# {mark}\n when")
    assert _codes(text.encode()) == ["source.bidi"]


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\x00", "\x08", "\x1b", "\x7f", "\U000e0061", "\ufe0f", "\u3164"]
)
def test_invisible_characters(mark: str) -> None:
    text = SCHEMA + PERMIT.replace('"p"', f'"p{mark}"')
    assert _codes(text.encode()) == ["source.control"]


def test_a_byte_order_mark() -> None:
    assert _codes(b"\xef\xbb\xbf" + SCHEMA.encode()) == ["source.control"]


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xc0\xafx", b"\xed\xa0\x80", b"\xe2\x82", b"# \x80"])
def test_bytes_that_are_not_utf8(data: bytes) -> None:
    assert _codes(SCHEMA.encode() + data) == ["source.encoding"]


@pytest.mark.parametrize(
    ("plain", "twin"), [("principal.ok", "principal.оk"), ("permit p", "permit р"), ("action == use", "action == usе")]
)
def test_confusable_identifiers(plain: str, twin: str) -> None:
    """A Cyrillic letter that looks like a Latin one is no letter of a name."""
    assert plain in PERMIT
    assert _codes((SCHEMA + PERMIT.replace(plain, twin)).encode()) == ["parse.character"]


def test_confusable_names_written_as_strings() -> None:
    assert _codes('entity A { "оk": Bool }'.encode()) == ["name.invalid"]
    assert _codes((SCHEMA + 'action "usе" { principal: User; resource: Thing; }').encode()) == ["name.invalid"]
    assert _codes((SCHEMA + PERMIT.replace('"p"', '"р"')).encode()) == ["annotation.value"]


def test_a_string_cannot_swallow_a_rule() -> None:
    text = (
        SCHEMA
        + PERMIT
        + '@id("a") permit a { action == use; when principal.ok; because "x; }\n@id("f") forbid f { action == use; because "y"; }\n'
    )
    assert _codes(text.encode()) == ["parse.string"]


def test_an_unclosed_rule_cannot_swallow_the_next() -> None:
    text = SCHEMA + '@id("a") permit a { action == use; when principal.ok;\n@id("f") forbid f { action == use; }\n'
    assert _codes(text.encode()) == ["parse.unclosed"]


def test_a_set_with_one_bad_rule_is_refused_whole() -> None:
    bad = '@id("f") forbid f { action == use; when principal.okay; }'
    assert _codes((SCHEMA + PERMIT + bad).encode()) == ["type.member"]
    assert check_all([Source.from_text("a", SCHEMA + PERMIT + bad)])[0] is None


def test_escapes_in_messages_are_not_sent_to_the_terminal() -> None:
    with pytest.raises(PolicyError) as caught:
        Source.from_bytes("a.policy", b'because "\x1b[2J\x1b[H all fine"')
    assert "\x1b" not in str(caught.value)


def test_escaped_control_characters_do_not_reach_the_terminal() -> None:
    for text in ("\\u{1b}[2J", "\\u{202e}", "\\n\\n error"):
        bad = f'@id("f") forbid f {{ action == use; when principal == User::"{text}" and principal.ok == "{text}"; }}\n'
        enum = f'enum E {{ "a" }} const c: E = "{text}";\n'
        with pytest.raises(PolicyError) as caught:
            check([Source.from_text("a.policy", SCHEMA + bad + enum)])
        assert all(char == "\n" or char.isprintable() for char in str(caught.value))
        assert "\n\n error" not in str(caught.value)
