from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.concrete import Branch, Comment, Word, concrete_tree, words_of


def test_every_word_is_kept_with_its_comments() -> None:
    tree, end = concrete_tree("# one\n\nentity A # two\n\n# three\n; # four\n# last")
    words = words_of(tree)
    assert [word.text for word in words] == ["entity", "A", ";"]
    assert words[0].before == (Comment("# one"),)
    assert words[0].blank is True
    assert words[1].after == (Comment("# two"),)
    assert words[2].before == (Comment("# three", True),)
    assert words[2].after == (Comment("# four"),)
    assert end.before == (Comment("# last"),)


def test_rules_of_the_grammar_are_branches() -> None:
    tree, end = concrete_tree("entity A;")
    assert tree.kind == "start"
    (item,) = tree.parts
    assert isinstance(item, Branch)
    assert item.kind == "entity_decl"
    assert end == Word("", "END")


def test_a_text_outside_the_grammar_is_refused() -> None:
    with pytest.raises(PolicyError):
        concrete_tree("entity ;")
