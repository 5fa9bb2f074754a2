"""A draft's row has one form, and what persons sign covers everything that they rely on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import StoreCorruptError
from intended_core.flows.draftrows import DraftRow, Origin, Signed, signing_digest
from intended_core.ids import EntityRef, Scope
from intended_core.lang.locks import LockChange
from intended_core.unit import Row

ANN, BOB = EntityRef("Person", "ann"), EntityRef("Person", "bob")
SCOPE = Scope(tenant="acme", uuid="a" * 32, environment="live")
DRAFT = DraftRow(
    subject="policy", content=b"c" * 32, base=3, drafter=ANN, note="n", tested=Origin(environment="test", digest=b"c" * 32, seq=9),
    created_us=5, seq=7, drafted=Signed(ANN, b"s" * 64), approved=(Signed(BOB, b"t" * 64),), findings={"checked": {"rules": 1}},
)  # fmt: skip


def row(body: bytes) -> Row:
    return Row(kind="draft", key="d", version=1, state="DRAFT", body=body, mac=b"")


@pytest.mark.parametrize(
    "draft", [DRAFT, replace(DRAFT, locks=LockChange(packs={"lib": b"l" * 32}, unlock=("old",))), replace(DRAFT, tested=None, drafter=None, drafted=None, approved=(), subject="data")]
)
def test_it_is_read_back(draft: DraftRow) -> None:
    assert DraftRow.from_row(row(draft.to_body())) == draft


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"subject":"policy"}'])
def test_a_damaged_row_is_refused(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        DraftRow.from_row(row(body))


def test_every_part_is_signed() -> None:
    others = [
        signing_digest(SCOPE, "approve", "d", DRAFT), signing_digest(SCOPE, "draft", "e", DRAFT),
        signing_digest(replace(SCOPE, environment="test"), "draft", "d", DRAFT),
        signing_digest(replace(SCOPE, uuid="b" * 32), "draft", "d", DRAFT),
        *(
            signing_digest(SCOPE, "draft", "d", replace(DRAFT, **change))  # type: ignore[arg-type]
            for change in (
                {"subject": "data"}, {"content": b"d" * 32}, {"base": 4}, {"drafter": BOB}, {"note": "m"}, {"tested": None},
                {"tested": Origin(environment="test", digest=b"c" * 32, seq=10)},
            )
        ),
    ]  # fmt: skip
    assert len({signing_digest(SCOPE, "draft", "d", DRAFT), *others}) == len(others) + 1


def test_what_comes_later_is_not_signed() -> None:
    later = replace(DRAFT, approved=(), drafted=None, findings={}, seq=8)
    assert signing_digest(SCOPE, "draft", "d", later) == signing_digest(SCOPE, "draft", "d", DRAFT)


def test_what_is_said_of_locks_is_signed_under_a_name_of_its_own() -> None:
    said = [
        LockChange(packs={}), LockChange(packs={"lib": b"l" * 32}), LockChange(packs={"lib": b"m" * 32}),
        LockChange(packs={"lic": b"l" * 32}), LockChange(unlock=("lib",)), LockChange(packs={"a": b"l" * 32}, unlock=("lib",)),
    ]  # fmt: skip
    signed = {signing_digest(SCOPE, part, "d", replace(DRAFT, locks=each)) for each in said for part in ("draft", "approve")}  # type: ignore[arg-type]
    assert len(signed) == 2 * len(said)
    assert signing_digest(SCOPE, "draft", "d", DRAFT) not in signed


def test_a_draft_that_says_nothing_of_locks_is_signed_as_ever() -> None:
    assert signing_digest(SCOPE, "draft", "d", DRAFT).hex() == "a567bdf200c2f52fafc5182d8a30e47c7dd0bd0b2184092e341fd5df756742b1"
