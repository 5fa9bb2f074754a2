"""What stops something: targets, rows and what a list of rows says together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.haltrows import (
    NO_HALTS,
    ROLLBACK,
    Cutoff,
    HaltRow,
    HaltTarget,
    cutoff_key,
    gather,
    halt_digest,
    halt_key,
    reason_text,
)
from intended_core.ids import EntityRef
from intended_core.unit import Row
from tests.reference.token_world import OTHER, SCOPE

BOT = EntityRef("Agent", 'b"ot')
TARGETS = [HaltTarget("tenant"), HaltTarget("environment"), HaltTarget.of_adapter("bank"), HaltTarget.of_principal(BOT)]


def row(target: HaltTarget, state: str = "ENGAGED", **change: object) -> Row:
    made = HaltRow(target=target, reason="because", by=(BOT,), seq=7, at_us=9)
    return Row("halt", halt_key(target).key, 1, state, replace(made, **change).to_body(), b"m" * 32)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_target_and_its_row_come_back(target: HaltTarget) -> None:
    assert HaltTarget.from_json(target.to_json()) == target
    read = HaltRow.from_row(row(target))
    assert (read.target, read.reason, read.by, read.seq, read.at_us) == (target, "because", (BOT,), 7, 9)


def test_no_two_targets_share_a_row_or_a_digest() -> None:
    others = [HaltTarget.of_adapter("tenant"), HaltTarget.of_principal(EntityRef("Agent", "bank")), HaltTarget.of_principal(EntityRef("adapter", "bank"))]
    every = [*TARGETS, *others]
    assert len({halt_key(target) for target in every} | {cutoff_key(BOT), ROLLBACK}) == len(every) + 2
    digests = {
        halt_digest(scope, verb, target, reason, version)
        for scope in (SCOPE, OTHER, replace(SCOPE, environment="test"))
        for verb in ("engage", "resume")
        for target in every
        for reason in ("a", "b")
        for version in (1, 2)
    }  # fmt: skip
    assert len(digests) == 3 * 2 * len(every) * 2 * 2


@pytest.mark.parametrize(
    "given", [("nobody",), ("adapter",), ("adapter", "No"), ("tenant", "x"), ("principal",), ("principal", "x"), ("adapter", "", BOT)], ids=str
)  # fmt: skip
def test_what_is_no_target(given: tuple[object, ...]) -> None:
    with pytest.raises(IntentError):
        HaltTarget(*given)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "a\nb", "\x1b[31m", "\u202e", None, 3])
def test_what_is_no_reason(reason: object) -> None:
    with pytest.raises(IntentError):
        reason_text(reason)  # type: ignore[arg-type]


def test_nothing_stands() -> None:
    assert gather([]) is NO_HALTS
    assert gather([row(target, "RESUMED") for target in TARGETS]) is NO_HALTS


def test_what_rows_say_together() -> None:
    cutoff = Row("halt", cutoff_key(BOT).key, 1, "ENGAGED", Cutoff(principal=BOT, seq=5).to_body(), b"")
    found = gather([row(TARGETS[2]), row(TARGETS[3]), cutoff])
    assert (found.none, found.everything, list(found.adapters), list(found.principals), dict(found.cutoffs)) == (False, "", ["bank"], [BOT], {BOT: 5})
    assert "because" in found.adapters["bank"]
    for one in TARGETS[:2]:
        assert gather([row(one)]).everything
    # a refusal whose state nobody knows stops everything
    assert gather([Row("halt", ROLLBACK.key, 1, "ENGAGED", b"{}", b"")]).everything
    assert gather([Row("halt", ROLLBACK.key, 1, "?", b"{}", b"")]).everything
    assert gather([row(TARGETS[0], "?")]).everything


def test_a_row_under_another_key_or_damaged() -> None:
    with pytest.raises(StoreCorruptError):
        gather([replace(row(TARGETS[2]), key=halt_key(TARGETS[0]).key)])
    with pytest.raises(StoreCorruptError):
        gather([replace(row(TARGETS[2]), key="target:x")])
    with pytest.raises(StoreCorruptError):
        gather([Row("halt", cutoff_key(EntityRef("Agent", "x")).key, 1, "ENGAGED", Cutoff(principal=BOT, seq=5).to_body(), b"")])
    for body in (b"", b"[]", b"{}", b'{"at":1}'):
        with pytest.raises(StoreCorruptError):
            gather([replace(row(TARGETS[0]), body=body)])
        with pytest.raises(StoreCorruptError):
            gather([Row("halt", cutoff_key(BOT).key, 1, "ENGAGED", body, b"")])
