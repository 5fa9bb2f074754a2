"""The hint names the nearest known name, or nothing."""

from __future__ import annotations

from intended_core.lang.nearest import did_you_mean


def test_the_nearest_name_is_proposed() -> None:
    assert did_you_mean("tranfer", ["refund", "transfer"]) == "(did you mean `transfer`?)"


def test_nothing_is_proposed_when_nothing_is_near() -> None:
    assert did_you_mean("x", ["transfer"]) == did_you_mean("transfer", []) == did_you_mean("", ["a"]) == ""


def test_the_answer_does_not_depend_on_order() -> None:
    assert did_you_mean("ab", ["ac", "ad"]) == did_you_mean("ab", ["ad", "ac"])
