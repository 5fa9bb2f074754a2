from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.access.persons import LocalPersonKey
from intended_core.access.statement import MAX_STATEMENT_US, Statement, stated
from intended_core.clock import SystemRandomness
from intended_core.errors import AccessDeniedError, IntendedError, KeyRingError
from intended_core.ids import EntityRef, Scope
from intended_core.persons import Person

NOW_US = 1_800_000_000_000_000
KEYS = {name: LocalPersonKey.generate(SystemRandomness()) for name in ("ann", "bob", "eve", "vic")}
REFS = {name: EntityRef("User", name) for name in KEYS}
PERSONS = {
    REFS[name]: Person(
        ref=REFS[name], public_key=KEYS[name].public_key, roles=frozenset({"viewer" if name == "vic" else "approver"})
    )
    for name in ("ann", "bob", "vic")
}
SCOPE = Scope(tenant="acme", uuid="a" * 32, environment="live")
STATEMENT = Statement(
    scope=SCOPE, purpose="halt.resume", generation=3, subject=b"s" * 32, expires_us=NOW_US + 60_000_000
)


def signed(*names: str, statement: Statement = STATEMENT) -> list[tuple[EntityRef, bytes]]:
    return [(REFS[name], KEYS[name].sign(statement.digest())) for name in names]


def test_two_distinct_persons_said_exactly_this() -> None:
    found = stated(STATEMENT, PERSONS, signed("ann", "bob"), quorum=2, now_us=NOW_US)
    assert [person.ref for person in found] == [REFS["ann"], REFS["bob"]]
    assert {person.signed for person in found} == {STATEMENT.digest()}


@pytest.mark.parametrize(
    "change",
    [
        {"scope": replace(SCOPE, uuid="b" * 32)}, {"scope": replace(SCOPE, environment="test")}, {"purpose": "policy.activate"},
        {"generation": 4}, {"subject": b"t" * 32}, {"expires_us": NOW_US + 60_000_001},
    ],
    ids=["tenant", "environment", "purpose", "generation", "subject", "expiry"],
)  # fmt: skip
def test_a_signature_is_for_one_statement_only(change: dict[str, object]) -> None:
    other = replace(STATEMENT, **change)  # type: ignore[arg-type]
    assert other.digest() != STATEMENT.digest()
    with pytest.raises(KeyRingError):
        stated(other, PERSONS, signed("ann", "bob"), quorum=2, now_us=NOW_US)


@pytest.mark.parametrize(
    "names", [(), ("ann",), ("ann", "ann"), ("ann", "eve"), ("ann", "bob", "bob")],
    ids=["nobody", "one", "one twice", "a stranger", "one of three twice"],
)  # fmt: skip
def test_too_few_distinct_persons(names: tuple[str, ...]) -> None:
    with pytest.raises(KeyRingError):
        stated(STATEMENT, PERSONS, signed(*names), quorum=2, now_us=NOW_US)


def test_each_who_signs_has_the_right() -> None:
    with pytest.raises(AccessDeniedError):
        stated(STATEMENT, PERSONS, signed("ann", "bob", "vic"), quorum=2, now_us=NOW_US)


@pytest.mark.parametrize(
    ("now_us", "stands"),
    [
        (STATEMENT.expires_us - 1, True), (STATEMENT.expires_us, False), (STATEMENT.expires_us - MAX_STATEMENT_US, True),
        (STATEMENT.expires_us - MAX_STATEMENT_US - 1, False),
    ],
)  # fmt: skip
def test_the_time_in_which_it_counts(now_us: int, stands: bool) -> None:
    if stands:
        assert len(stated(STATEMENT, PERSONS, signed("ann"), quorum=1, now_us=now_us)) == 1
    else:
        with pytest.raises(KeyRingError, match="expired"):
            stated(STATEMENT, PERSONS, signed("ann"), quorum=1, now_us=now_us)


@pytest.mark.parametrize("quorum", [0, -1])
def test_nobody_is_never_enough(quorum: int) -> None:
    with pytest.raises(KeyRingError):
        stated(STATEMENT, PERSONS, [], quorum=quorum, now_us=NOW_US)


@pytest.mark.parametrize(
    "change",
    [{"subject": b""}, {"subject": b"s" * 31}, {"purpose": "everything"}, {"generation": 0}, {"expires_us": 0}, {"expires_us": 2**63}],
)  # fmt: skip
def test_a_statement_says_something_definite(change: dict[str, object]) -> None:
    with pytest.raises(IntendedError):
        replace(STATEMENT, **change).digest()  # type: ignore[arg-type]
