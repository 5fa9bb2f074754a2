from __future__ import annotations

from intended_core.lang.concrete import Comment, Word
from intended_core.lang.layout import BLANK, HARD, LINE, SOFT, Group, Indent, lay_out


def word(text: str, *after: str) -> Word:
    return Word(text, "NAME", (), tuple(Comment(one) for one in after))


def group() -> Group:
    return Group(("[", Indent((SOFT, word("a"), ",", LINE, word("b"))), SOFT, "]"))


def test_a_group_that_fits_stays_on_one_line() -> None:
    assert lay_out([group()], 6) == "[a, b]\n"


def test_a_group_that_does_not_fit_breaks_everywhere() -> None:
    assert lay_out([group()], 5) == "[\n  a,\n  b\n]\n"


def test_what_follows_up_to_the_next_break_counts() -> None:
    assert lay_out([group(), ";"], 6) == "[\n  a,\n  b\n];\n"
    assert lay_out([group(), HARD, ";"], 6) == "[a, b]\n;\n"


def test_a_comment_ends_its_line_and_breaks_what_is_around() -> None:
    inner = Group(("[", Indent((SOFT, word("a", "# c"), LINE, word("b"))), SOFT, "]"))
    assert lay_out([inner], 80) == "[\n  a  # c\n  b\n]\n"
    assert lay_out([word("a", "# c", "# d"), "b"], 80) == "a  # c\n# d\nb\n"


def test_a_comment_behind_a_group_does_not_break_it() -> None:
    assert lay_out([Group(("[", SOFT, word("]", "# c"))), " ", word("x")], 80) == "[]  # c\nx\n"


def test_an_empty_line_and_no_trailing_blanks() -> None:
    assert lay_out(["a ", BLANK, "b"], 80) == "a\n\nb\n"
    assert lay_out([], 80) == ""
