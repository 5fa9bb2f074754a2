"""Params and tables in force: set through the log, read by decisions, compared under the lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from intended_core import Deny, Entity, Granted, IntentError, PolicyError, TokenError
from intended_core.audit.verdicts import RerunState
from intended_core.auditing import export_evidence, verify_evidence
from intended_core.flows.authorize import authorize
from intended_core.flows.data import DataChange, write_data
from intended_core.flows.datarows import decision_input
from intended_core.flows.effects import Commit
from intended_core.flows.redeem import redeem
from intended_core.flows.runtime import drive
from intended_core.tokens.codec import parse
from tests.reference.data_world import WITH_DATA, data_world
from tests.reference.flow_world import ACCOUNT, BOT, CLOSED, POLICY, World, at, intent, pay, trace


@pytest.fixture
def world() -> Iterator[World]:
    made = data_world()
    made.restore()
    yield made
    made.check()


def freeze(*accounts: object) -> DataChange:
    return DataChange(tables={"frozen": list(accounts)})


def test_a_decision_reads_what_is_in_force_and_names_it(world: World) -> None:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    body = world.body(granted.seq)
    world.tenant.data.set(params={"cap": "20.00"})
    assert not isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)
    later = world.body()
    assert (body["data_version"], later["data_version"]) == ("1", "2")
    assert body["data_digest"] != later["data_digest"]
    with pytest.raises(TokenError):  # what the lower limit forbids is not done under a token from before it
        world.tenant.redeem(granted.token, pay("50.00"), adapter=world.tenant.adapter("bank"))


def test_the_token_names_the_whole_input(world: World) -> None:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    found = world.tenant.inspect(granted.token)
    assert found.claims.ith == decision_input(granted.intent.ith, world.tenant.policy().data)
    assert found.claims.ith != granted.intent.ith
    parse(granted.token.text)


def test_a_table_without_rows_denies(world: World) -> None:
    world.tenant.data.set(remove=["frozen"])
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Deny)
    assert outcome.kind == "error"
    assert world.tenant.data.show().missing == ("frozen",)


def test_a_change_is_a_record_without_values(world: World) -> None:
    done = trace(world, write_data(world.context, freeze(ACCOUNT)))
    assert done.order == ["LoadState", "ReadRows", "ReadRows", "ScanRows", "Commit"]
    assert world.kinds()[-1] == "data.written"
    body = world.body()
    assert (body["version"], body["changes"]) == ("2", [["table", "frozen", "changed", "narrows"]])
    assert "main" not in str(body)
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Deny)
    assert outcome.rules == ("frozen",)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (DataChange(), "data"),
        (DataChange(params={"capp": "1.00"}), "capp"),
        (DataChange(params={"frozen": []}), "frozen"),
        (DataChange(params={"cap": 1.5}), "cap"),
        (DataChange(params={"cap": "1.0000000001"}), "cap"),
        (DataChange(tables={"frozen": [ACCOUNT, BOT]}), "frozen[1]"),
        (DataChange(tables={"frozen": "main"}), "frozen"),
        (DataChange(tables={"cap": []}), "cap"),
        (DataChange(remove=("cap",)), "cap"),
        (DataChange(tables={"frozen": []}, remove=("frozen",)), "frozen"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(world: World, change: DataChange, place: str) -> None:
    before = world.data()
    with pytest.raises(IntentError) as caught:
        world.tenant.operate(write_data(world.context, change))
    assert caught.value.place == place
    assert world.data() == before


def test_without_a_set_nothing_is_typed(world: World) -> None:
    world.found_another()
    with pytest.raises(IntentError, match="no policy set is active"):
        drive(world.runtime, world.new, write_data(world.new, freeze()))


@pytest.mark.parametrize(
    ("rows", "way"),
    [([ACCOUNT], "narrows"), ([CLOSED], "none"), ([ACCOUNT, CLOSED], "narrows"), ([], "widens")],
)
def test_the_way_of_a_change_is_said(world: World, rows: list[object], way: str) -> None:
    world.tenant.data.set(tables={"frozen": [CLOSED]})
    expected = "both" if rows == [ACCOUNT] else way
    done = world.tenant.data.set(tables={"frozen": rows})
    assert [(each.name, each.direction) for each in done.changes] == ([("frozen", expected)] if way != "none" else [])


def test_a_param_can_move_decisions_both_ways(world: World) -> None:
    (change,) = world.tenant.data.set(params={"cap": "1.00"}).changes
    assert (change.kind, change.what, change.direction) == ("param", "set", "both")
    (change,) = world.tenant.data.set(remove=["cap"]).changes
    assert (change.what, change.direction) == ("removed", "both")


def between(world: World, *, times: int) -> Any:
    """Another process sets the cap before each of the first commits."""
    done = 0

    def act(effect: object) -> None:
        nonlocal done
        if isinstance(effect, Commit) and done < times:
            done += 1
            world.tenant.data.set(params={"cap": f"{done}.00"})

    return act


def test_a_change_meanwhile_is_decided_again(world: World) -> None:
    ended = trace(world, authorize(world.context, intent("50.00"), audience="bank"), between(world, times=1))
    assert not isinstance(ended.result, Granted), "the cap of 100.00 was gone when it committed"
    assert world.body()["data_version"] == "2"


def test_after_two_more_the_answer_is_a_denial(world: World) -> None:
    ended = trace(world, authorize(world.context, intent("0.50"), audience="bank"), between(world, times=3))
    assert isinstance(ended.result, Deny)
    assert ended.result.kind == "conflict"


def test_two_who_change_at_once_both_count(world: World) -> None:
    ended = trace(world, write_data(world.context, freeze(ACCOUNT)), between(world, times=1))
    assert ended.result.version == 3
    shown = world.tenant.data.show()
    assert (shown.params, shown.version) == ({"cap": "1.00"}, 3)


def test_an_activation_that_a_value_does_not_fit_is_refused(world: World) -> None:
    world.tenant.data.set(params={"cap": "20.00"})
    other = WITH_DATA.replace("cap: Decimal = 100.00", "cap: Int = 1").replace("args.amount <= cap", "cap == 1")
    with pytest.raises(PolicyError, match="cap: an Int is needed"):
        world.tenant.activate({"bank.policy": other})


def test_a_value_outlives_a_set_that_does_not_declare_it(world: World) -> None:
    world.tenant.data.set(params={"cap": "20.00"})
    world.tenant.activate({"bank.policy": POLICY})
    assert world.tenant.data.show().undeclared == ("cap", "frozen")
    assert isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)
    assert "data_digest" not in world.body()
    world.tenant.activate({"bank.policy": WITH_DATA})
    assert not isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)


def test_a_new_process_reads_the_same(world: World) -> None:
    world.tenant.data.set(tables={"frozen": [ACCOUNT]})
    world.reopen()
    assert not isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)


def test_the_decision_is_taken_again_from_its_bundle(world: World) -> None:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    world.tenant.data.set(params={"cap": "1.00"})
    verdict = verify_evidence(export_evidence(world.tenant, granted.seq, made_us=1))
    assert (verdict.findings, verdict.rerun) == ((), RerunState.AGREES)


def redeemed(world: World, token: str) -> str:
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))
    return caught.value.code


def test_a_token_from_before_a_change_of_values_is_void(world: World) -> None:
    before = world.tenant.require(intent(), audience="bank").text
    parent = world.tenant.require(intent(), audience="bank").text
    since = world.tenant.data.set(params={"cap": "20.00"}).seq
    assert world.tenant.policy().data_since == since
    assert redeemed(world, before) == "token.data"
    assert world.kinds()[-1] == "token.refused"
    with pytest.raises(TokenError) as caught:
        world.tenant.attenuate(parent, intent("1.00"))
    assert caught.value.code == "token.data"
    world.reopen()
    assert redeemed(world, before) == "token.data"
    after = world.tenant.require(intent(), audience="bank")
    world.tenant.redeem(after, pay(), adapter=world.tenant.adapter("bank"))


def test_values_that_change_while_a_token_is_being_redeemed(world: World) -> None:
    token = world.tenant.require(intent(), audience="bank").text
    flow = redeem(world.context, token, pay(), audience="bank")
    seen = trace(world, flow, at(Commit, lambda: world.tenant.data.set(params={"cap": "20.00"})))
    assert isinstance(seen.error, TokenError)
    assert seen.error.code == "token.data"


def test_entities_that_change_leave_tokens_and_bind_the_next_decision(world: World) -> None:
    token = world.tenant.require(intent(), audience="bank").text
    world.tenant.put_entities([Entity(ref=ACCOUNT, attributes={"closed": True})])
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Deny)
    world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_set_without_values_knows_no_such_place(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY})
    assert world.tenant.policy().data_since == 0
