"""Defaults of params: constants of the declared type, part of the schema's digest."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.values import Record

BASE = "@root entity User; entity Thing; action use { principal: User; resource: Thing; }\n"


def checked(text: str) -> tuple[CheckedPolicySet | None, list[str]]:
    found, problems = check_all([Source.from_text("t.policy", BASE + text)])
    return found, [item.code for item in problems if item.severity == "error"]


@pytest.mark.parametrize(
    ("declared", "value"),
    [("Int = 3", 3), ("Decimal = 3", 3 * 10**9), ('Set<String> = ["a", "b"]', frozenset({"a", "b"})), ('List<Int> = [2, 1, 2]', (2, 1, 2)),
     ("{ a: Int, b: Bool } = { a: 1, b: true }", Record(a=1, b=True)), ("Time = 09:00", 32_400_000), ("Duration = 2h", 7_200_000), ("Int = c", 5)],
)  # fmt: skip
def test_defaults(declared: str, value: object) -> None:
    found, problems = checked(f"const c: Int = 5; param p: {declared};")
    assert problems == []
    assert found is not None
    assert found.schema.params["p"].default == value


@pytest.mark.parametrize(
    ("declared", "code"),
    [("Int = now", "type.mismatch"), ("Datetime = now", "data.default"), ("Int = q", "name.unknown"), ("Int = 1 + 1", "data.default"),
     ("Map<String, Int>", "type.mismatch"), ('Host = "A.example"', "type.literal")],
)  # fmt: skip
def test_what_is_no_default(declared: str, code: str) -> None:
    assert checked(f"param q: Int = 1; param p: {declared};")[1] == [code]


def test_a_default_beyond_its_bound() -> None:
    assert checked("@max(2) param p: List<Int> = [1, 2, 3];")[1] == ["data.default"]


def test_a_default_is_in_the_digest() -> None:
    digests = {(one[0].schema.digest if (one := checked(text))[0] else b"") for text in ("param p: Int = 1;", "param p: Int = 2;", "param p: Int;", "")}
    assert len(digests) == 4
