from __future__ import annotations

from pathlib import Path

from intended_adapters.cli.colours import coloured, policy_text
from intended_core import check_policies

ROOT = Path(__file__).resolve().parents[4]


def styles(text: str, word: str) -> set[str]:
    made = coloured(text)
    at = made.plain.index(word)
    return {str(span.style) for span in made.spans if span.start <= at < span.end}


def test_the_characters_are_the_same_with_and_without_colour() -> None:
    for path in sorted((ROOT / "tests/golden/diagnostics/cases").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert coloured(text).plain == text


def test_heads_and_carets_have_the_colour_of_their_severity() -> None:
    text = check_policies({"a.policy": b"permit p { when ; }"}).text
    assert styles(text, "error[") == {"bold red"}
    assert styles(text, "^") == {"bold red"}
    assert styles(text, "-->") == {"cyan"}


def test_a_policy_is_coloured_as_it_stands() -> None:
    made = policy_text("entity A;  # why\n\nentity B;")
    assert made.plain == "entity A;  # why\n\nentity B;"
    assert len(made.spans) > 3
