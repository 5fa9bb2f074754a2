from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.formatter import WIDTH, format_text


def test_spacing_of_words() -> None:
    text = 'const a:Int= - x+f( 1 ,2 ).y [3]*2;const b:T=g?.h??{a:1,...c};const c:T=[A :: "x" , d]; def f ( a : Set < Int > ) : Bool=a . b ( ) ;'
    assert format_text(text) == (
        'const a: Int = -x + f(1, 2).y[3] * 2;\nconst b: T = g?.h ?? { a: 1, ...c };\nconst c: T = [A::"x", d];\ndef f(a: Set<Int>): Bool = a.b();\n'
    )


def test_a_long_condition_breaks_at_its_operators() -> None:
    text = f'permit p {{ when {" and ".join(f"args.member_number_{n}" for n in range(8))}; }}'
    lines = format_text(text).splitlines()
    assert lines[1:3] == ["  when args.member_number_0", "    and args.member_number_1"]
    assert max(map(len, lines)) <= WIDTH


def test_lists_and_records_break_whole() -> None:
    members = ", ".join(f'member_number_{n}: "{"v" * 12}"' for n in range(4))
    text = f'test "t" {{ intent {{ args: {{ {members} }}; }} }}'
    assert format_text(text).splitlines()[2:5] == [
        "    args: {", '      member_number_0: "vvvvvvvvvvvv",', '      member_number_1: "vvvvvvvvvvvv",',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# one\n\n\n\n# two\nentity A;", "# one\n\n# two\nentity A;\n"),
        ("entity A; # behind\n# last", "entity A;  # behind\n# last\n"),
        ("# alone", "# alone\n"),
        ("", ""),
        ("permit p { # open\n when a # left\n and b; # end\n\n # closing\n}",
         "permit p {  # open\n  when a  # left\n    and b;  # end\n\n  # closing\n}\n"),
        ("entity A { a: Int, # first\n b: Int, # second\n };# end", "entity A {\n  a: Int,  # first\n  b: Int  # second\n}  # end\n"),
        ("const a: T = [ # why\n1];", "const a: T = [  # why\n  1\n];\n"),
        ("permit p { when x in [1] # c\n and y; }", "permit p {\n  when x in [1]  # c\n    and y;\n}\n"),
        ("permit p {\n# only\n}", "permit p {\n  # only\n}\n"),
        ("entity A {\n# only\n}", "entity A {\n  # only\n}\n"),
        ("entity A;\r\n# c\r\nentity B;\r\n", "entity A;\n# c\nentity B;\n"),
        ("@id(\"x\") # note\npermit p {}", "@id(\"x\")  # note\npermit p {}\n"),
        ("const a: T = [1 # x\n , # y\n ];", "const a: T = [\n  1  # x\n  # y\n];\n"),
    ],
)  # fmt: skip
def test_comments_stay_where_they_stand(text: str, expected: str) -> None:
    assert format_text(text) == expected
    assert format_text(expected) == expected


def test_empty_lines_group_and_rules_stand_apart() -> None:
    text = "entity A;\nentity B;\n\n\n\nentity C;\npermit p { when a;\n\n\n when b; }\nforbid q {}\nentity D;"
    assert format_text(text) == (
        "entity A;\nentity B;\n\nentity C;\n\npermit p {\n  when a;\n\n  when b;\n}\n\nforbid q {}\n\nentity D;\n"
    )


def test_three_thousand_conditions_are_not_deep() -> None:
    text = f"permit p {{ when {' and '.join(['a.b'] * 3_000)}; }}"
    assert format_text(text).count("\n    and a.b") == 2_999


def test_what_does_not_parse_is_refused() -> None:
    with pytest.raises(PolicyError):
        format_text("permit {")


@pytest.mark.parametrize(
    "text",
    [
        "type T = " + "Set<" * 5000 + "Int" + ">" * 5000 + ";", "const a: T = " + "not " * 3000 + "x;", "const a: T = " + "-" * 3000 + "x;",
        "const a: T = x" + ".a" * 5000 + ";", "const a: T = " + "if a then b else " * 3000 + "c;", "const a: T = " + "(" * 3000 + "c" + ")" * 3000 + ";",
    ],
)  # fmt: skip
def test_depth_is_laid_out_or_refused(text: str) -> None:
    try:
        made = format_text(text)
    except PolicyError:
        return
    assert format_text(made) == made
