"""What a matched rule contributes."""

from __future__ import annotations

import pytest

from intended_core.engine.hops import rules_for
from intended_core.engine.matching import cause_of, in_scope
from intended_core.ids import EntityRef
from intended_core.lang.operations import EvaluationError
from intended_core.outcome import Allow, Deny, Escalate, Obligation
from tests.reference.policy_world import ANN, BOB, SCHEMA, World

DECLARED = 'obligation tell(n: Int, who: User, tags: Set<Int>) after;\nobligation page() before;\n'
PERMIT = '@id("p") permit p { action == read; when args.n > 0; oblige tell(n: args.n, who: resource.owner, tags: args.set); }\n'


def test_values_of_obligations_are_in_wire_form() -> None:
    answer = World.of(DECLARED + PERMIT).decide()
    assert isinstance(answer, Allow)
    assert answer.obligations == (
        Obligation(name="tell", phase="after", values={"n": "i:1", "who": {"@": ["User", "ann"]}, "tags": ["i:1", "i:2"]}),
    )


def test_all_matching_permits_and_gates_oblige() -> None:
    more = (
        '@id("q") permit q { action == read; when args.n > 0; approval { from: Group::"board"; quorum: 1; expires: 1h; } oblige page; }'
        '@id("g") escalate g { action == read; when args.n > 100; approval { from: Group::"board"; quorum: 1; expires: 1h; } oblige tell(n: 3, who: User::"ann", tags: [1]); }'
    )
    answer = World.of(DECLARED + PERMIT + more).decide()
    assert isinstance(answer, Allow)
    assert [item.name for item in answer.obligations] == ["page", "tell"]
    waiting = World.of(DECLARED + PERMIT.replace("oblige tell(n: args.n, who: resource.owner, tags: args.set);", "oblige page;")
                       + more.replace("args.n > 100", "args.n > 0")).decide()  # fmt: skip
    assert isinstance(waiting, Escalate)
    assert [item.name for item in waiting.obligations] == ["page", "tell"]


def test_conflicting_values_deny() -> None:
    other = '@id("q") permit q { action == read; when args.n > 0; oblige tell(n: 2, who: resource.owner, tags: args.set); }'
    answer = World.of(DECLARED + PERMIT + other).decide()
    assert isinstance(answer, Deny)
    assert (answer.kind, answer.rules) == ("error", ("p", "q"))
    same = World.of(DECLARED + PERMIT + other.replace("n: 2", "n: 1")).decide()
    assert isinstance(same, Allow)
    assert len(same.obligations) == 1


def test_a_forbid_hands_over_what_it_wants_done_afterwards() -> None:
    answer = World.of(DECLARED + PERMIT + '@id("f") forbid f { action == read; when args.n > 0; oblige tell(n: 9, who: User::"bob", tags: []); }').decide()
    assert isinstance(answer, Deny)
    assert answer.kind == "forbid"
    assert [item.values["n"] for item in answer.obligations] == ["i:9"]


def test_a_rule_that_obliges_gives_its_reason_and_its_place_as_others_do() -> None:
    plain = PERMIT.replace("oblige tell(n: args.n, who: resource.owner, tags: args.set);", 'because "small enough";')
    obliging = PERMIT.replace("oblige", 'because "small enough"; oblige')
    first, second = World.of(DECLARED + plain).decide(), World.of(DECLARED + obliging).decide()
    assert isinstance(first, Allow)
    assert isinstance(second, Allow)
    assert second.obligations
    assert first.reasons == second.reasons
    assert (first.reasons[0].rule, first.reasons[0].text) == ("p", "small enough")
    assert first.reasons[0].place.startswith("t.policy:")


def test_who_is_named_by_a_scope_is_in_it_and_so_is_who_is_below() -> None:
    world = World.of(
        '@id("u") permit u { action == read; principal in User::"ann"; when args.n > 0; }'
        '@id("g") permit g { action == read; principal in Group::"staff"; when args.n > 0; }'
        '@id("d") permit d { action == read; resource in Doc::"d"; when args.n > 0; }',
        schema=SCHEMA.replace("entity User in Group", "entity User in Group, User").replace("entity Doc {", "entity Doc in Doc {"),
    )
    doc = EntityRef("Doc", "d")
    rules = rules_for(world.compiled, "read", ANN, doc)
    scoped = {who.id: {rule.id for rule in rules if in_scope(rule, who, doc, world.snapshot) is rule} for who in (ANN, BOB)}
    assert scoped == {"ann": {"u", "g", "d"}, "bob": {"g", "d"}}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError(EntityRef("User", "x")), 'User::"x" is not a known entity'),
        (KeyError("note"), "`note` is not there"),
        (EvaluationError("an Int overflows 64 bits"), "an Int overflows 64 bits"),
        (ZeroDivisionError(), "the rule could not be evaluated (ZeroDivisionError)"),
        (ValueError(EntityRef("User", "x")), "the rule could not be evaluated (ValueError)"),
        (KeyError(), "the rule could not be evaluated (KeyError)"),
        (KeyError(7), "the rule could not be evaluated (KeyError)"),
    ],
    ids=["entity", "member", "ours", "other", "entity-of-another", "nothing", "number"],
)
def test_causes_in_plain_words(error: Exception, said: str) -> None:
    assert cause_of(error) == said
