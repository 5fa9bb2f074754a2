"""A set in parts: the whole of it comes back, each action's rules alone too, and nothing of another form is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.ids import EntityRef
from intended_core.lang import keptset
from intended_core.lang.frozen_codec import FrozenError, decode, encode
from intended_core.lang.keptset import KeptSet, pack
from intended_core.lang.typed import CheckedPolicySet, Rule
from tests.unit.intended_core.lang.support import rule_text, run

TEXT = (
    '@id("both") permit both { when principal in Group::"staff"; }'
    + rule_text("when args.urgent;")
    + '@id("a") forbid shut { action == close; }'
)


def made(text: str = TEXT) -> CheckedPolicySet:
    checked, diagnostics = run(text)
    assert checked is not None, diagnostics
    return checked


def opened(data: bytes, of: CheckedPolicySet) -> KeptSet:
    return KeptSet(data, digest=of.text_digest, semantic=of.semantic_digest, sources=of.sources)


def header(data: bytes) -> list[object]:
    return list(decode(data[4 : 4 + int.from_bytes(data[:4], "little")]))


def with_header(data: bytes, parts: list[object]) -> bytes:
    head = encode(tuple(parts))
    return len(head).to_bytes(4, "little") + head + data[4 + int.from_bytes(data[:4], "little") :]


def test_the_whole_set_comes_back_without_tests_and_warnings() -> None:
    checked = made()
    kept = opened(pack(checked), checked)
    assert kept.checked() == replace(checked, tests=(), warnings=())
    assert kept.checked() is kept.checked()


def test_the_rules_of_an_action_come_alone_and_in_order_of_ids() -> None:
    checked = made()
    kept = opened(pack(checked), checked)
    assert list(kept.actions) == ["close", "transfer"]
    for action, ids in (("close", ["a", "both"]), ("transfer", ["both", "r"])):
        rules = kept.rules(action)
        assert [rule.id for rule in rules] == ids
        whole = {rule.id: rule for rule in checked.rules}
        assert all(rule == replace(whole[rule.id], bodies={action: whole[rule.id].bodies[action]}) for rule in rules)
    assert kept.constants == {EntityRef("Group", "staff")}
    assert (kept.schema, kept.meters, kept.obligations) == (checked.schema, {}, {})


def test_opening_reads_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does asking for one action read another's."""
    checked = made()
    sizes: list[int] = []
    monkeypatch.setattr(keptset, "decode", lambda data: sizes.append(len(data)) or decode(data))
    data = pack(checked)
    kept = opened(data, checked)
    assert sizes == [int.from_bytes(data[:4], "little")]
    kept.rules("close")
    assert len(sizes) == 2


def test_a_set_without_rules() -> None:
    checked = replace(made(), rules=())
    kept = opened(pack(checked), checked)
    assert (list(kept.actions), kept.checked().rules) == ([], ())


@pytest.mark.parametrize("cut", [0, 1, 4, 40, -1])
def test_bytes_cut_or_added_are_not_opened(cut: int) -> None:
    checked = made()
    data = pack(checked)
    for bad in (data[:cut], data + b"\x00"):
        with pytest.raises(FrozenError):
            opened(bad, checked)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, "no schema"), (1, {"m": 1}), (1, ()), (2, {"o": 1}), (7, frozenset({"no entity"})), (7, ()), (8, True), (9, None),
        (9, (("close",),)), (9, (("nowhere", 5),)), (9, (("close", 0),)), (9, (("close", True),)), (9, (("close", 2**40),)), (9, ("close",)),
        (9, ()),
    ],
)  # fmt: skip
def test_a_header_of_another_form_is_not_opened(at: int, value: object) -> None:
    checked = made()
    data = pack(checked)
    parts = header(data)
    assert opened(with_header(data, parts), checked).checked().rules == checked.rules
    parts[at] = value
    with pytest.raises(FrozenError):
        opened(with_header(data, parts), checked)


def test_an_action_that_is_named_twice_is_not_opened() -> None:
    checked = made()
    data = pack(checked)
    parts = header(data)
    (first, length), _ = parts[9]  # type: ignore[misc]
    with pytest.raises(FrozenError):
        opened(with_header(data[: len(data)], [*parts[:9], ((first, length), (first, length))]), checked)
    with pytest.raises(FrozenError):
        opened(with_header(data, [*parts, 1]), checked)


def _with_part(rules: object, count: int = 1) -> KeptSet:
    """A set of one action whose part holds `rules`."""
    checked = made('@id("a") forbid shut { action == close; }')
    part = encode(rules)
    parts = header(pack(checked))
    head = encode((*parts[:8], count, (("close", len(part)),)))
    return opened(len(head).to_bytes(4, "little") + head + part, checked)


def test_a_part_of_another_form_is_not_read() -> None:
    (shut,) = made('@id("a") forbid shut { action == close; }').rules
    (other,) = made(rule_text("when args.urgent;")).rules
    assert list(_with_part(((0, shut),)).rules("close")) == [shut]
    empty: Rule = replace(shut, bodies={})
    strange: Rule = replace(shut, bodies={"close": 1})  # type: ignore[dict-item]
    for bad in (
        1, (shut,), ((0, 1),), ((True, shut),), ((-1, shut),), ((1, shut),), ((0, shut), (0, shut)), ((0, other),), ((0, empty),),
        ((0, strange),), ((0, shut, 1),),
    ):  # fmt: skip
        kept = _with_part(bad)
        for read in (lambda kept=kept: kept.rules("close"), kept.checked):
            with pytest.raises(FrozenError):
                read()


def test_a_rule_that_no_part_holds_or_that_parts_tell_differently_is_no_set() -> None:
    (shut,) = made('@id("a") forbid shut { action == close; }').rules
    with pytest.raises(FrozenError):
        _with_part(((0, shut),), count=2).checked()
    checked = made('@id("both") permit both { when principal in Group::"staff"; }')
    (both,) = checked.rules
    one, two = (replace(both, bodies={name: both.bodies[name]}) for name in ("close", "transfer"))
    for second, good in ((two, True), (replace(two, effect="forbid"), False), (replace(two, because="x"), False)):
        parts = {"close": encode(((0, one),)), "transfer": encode(((0, second),))}
        listed = tuple((name, len(part)) for name, part in parts.items())
        head = encode((*header(pack(checked))[:8], 1, listed))
        kept = opened(b"".join((len(head).to_bytes(4, "little"), head, *parts.values())), checked)
        if good:
            assert kept.checked().rules == (both,)
        else:
            with pytest.raises(FrozenError):
                kept.checked()
