"""Fail-open faults that other engines had, tried on this one at the moment of decision. Each name says whose; the comment says what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import intended_core
from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.errors import IntentError, PolicyError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import intent_from_json, validate
from tests.reference.policy_world import ANN, BOB, World, group, user

PERMIT = '@id("p") permit p { action == read; }'
OVERFLOW = "when 9223372036854775807 + args.n > 0;"


def kind(outcome: object) -> str:
    assert isinstance(outcome, Deny)
    return outcome.kind


@pytest.mark.parametrize("effect", ["permit", "forbid", "escalate"])
def test_cedar_2428_an_error_in_a_rule_does_not_drop_the_rule(effect: str) -> None:
    gate = 'approval { from: Group::"board"; quorum: 1; expires: 1h; }' if effect == "escalate" else ""
    found = World.of(f'{PERMIT} @id("x") {effect} x {{ action == read; {OVERFLOW} {gate} }}').decide()
    assert (kind(found), found.rules) == ("error", ("x",))


@pytest.mark.parametrize("name", ["n", "d", "s", "set"])
def test_speedle_36_a_missing_member_does_not_drop_a_deny(name: str) -> None:
    world = World.of(f'{PERMIT} @id("f") forbid f {{ action == read; when args.n == 1; }}')
    whole = world.intent()
    args = {label: value for label, value in whole.args.items() if label != name}
    assert kind(world.decide(whole)) == "forbid"
    with pytest.raises(IntentError):
        validate(world.checked.schema, TEST_SCOPE, Intent(
            principal=ANN, action="read", resource=whole.resource, args=args, context=whole.context,
        ))  # fmt: skip


def test_kyverno_46342_a_lookup_that_fails_is_not_an_answer() -> None:
    doc = Entity(ref=EntityRef("Doc", "d"), attributes={"owner": EntityRef("User", "gone")})
    people = [Entity(ref=group("staff")), Entity(ref=group("board")), user("ann", "staff")]
    found = World.of(f'{PERMIT} @id("f") forbid f {{ action == read; when resource.owner.vip; }}', [*people, doc]).decide()
    assert kind(found) == "error"


def test_kyverno_fx2g_the_approval_of_one_permit_does_not_open_another() -> None:
    blocks = ['approval { from: Group::"staff"; quorum: 1; expires: 1h; }', 'approval { from: Group::"board"; quorum: 2; expires: 1h; }']
    world = World.of(f'@id("a") permit a {{ action == read; {blocks[0]} {blocks[1]} }} @id("b") permit b {{ action == read; {blocks[1]} }}')
    assert isinstance(world.decide(approved=frozenset({"a#1"})), Escalate)
    assert isinstance(world.decide(approved=frozenset({"b#2", "a#2"})), Escalate)
    granted = world.decide(approved=frozenset({"b#1"}))
    assert isinstance(granted, Allow)
    assert granted.rules == ("b",)


@pytest.mark.parametrize("action", ["Read", "read ", "read/v2", "reаd", "", "READ", "read\x00", "delete"])
def test_kyverno_17367_another_spelling_of_an_action_is_no_action(action: str) -> None:
    world = World.of(PERMIT)
    with pytest.raises(IntentError):
        validate(world.checked.schema, TEST_SCOPE, Intent(principal=ANN, action=action, resource=EntityRef("Doc", "d")))


def as_json(**changes: object) -> bytes:
    whole = {
        "principal": {"type": "User", "id": "ann"}, "action": "read", "resource": {"type": "Doc", "id": "d"},
        "args": {"n": 1, "d": "1.5", "s": "abc", "set": [1]}, "context": {"risk": 0}, **changes,
    }  # fmt: skip
    return json.dumps(whole).encode()


def test_skipper_50197_a_body_that_is_too_big_or_cut_short_is_not_an_empty_one() -> None:
    for body in (as_json()[:-1], as_json()[: len(as_json()) // 2], b"", b"{}", b"null", as_json(args={"s": "x" * 300_000}), as_json(truncated=True)):
        with pytest.raises(IntentError):
            intent_from_json(body)
    world = World.of(PERMIT)
    with pytest.raises(IntentError):
        world.decide(world.intent(args={"s": "x" * 300_000}))


@pytest.mark.parametrize("body", [
    b'{"action": "read", "action": "write"}', b'{"action": "read", "\\u0061ction": "write"}',
    as_json().replace(b'"n": 1', b'"n": 1, "n": 2'), as_json().replace(b'"n": 1', b'"n": NaN'), as_json().replace(b'"n": 1', b'"n": 1.0'),
    as_json().replace(b'"n": 1', b'"n": 9007199254740993'), as_json().replace(b"abc", b"\xff"), as_json().replace(b"abc", b"\\ud800"),
])  # fmt: skip
def test_envoy_26308_and_27488_what_reads_in_two_ways_is_not_read(body: bytes) -> None:
    world = World.of(PERMIT)
    with pytest.raises(IntentError):
        validate(world.checked.schema, TEST_SCOPE, intent_from_json(body))


@pytest.mark.parametrize(("rules", "said"), [
    (f'{PERMIT} @id("f") forbid f {{ action == read; when true; }}', "forbid"),
    ('@id("p") permit p { action == read; when false; }', "default"),
])  # fmt: skip
def test_casbin_1618_a_constant_condition_is_still_a_condition(rules: str, said: str) -> None:
    assert kind(World.of(rules).decide()) == said


@pytest.mark.parametrize("condition", ["mystery(args.n)", "args.n", "args.s", '"true"', "args.s.matches(args.s)", "args.nothing"])
def test_casbin_cpp_140_an_unknown_function_or_no_truth_value_does_not_load(condition: str) -> None:
    with pytest.raises(PolicyError):
        World.of(f'@id("f") forbid f {{ action == read; when {condition}; }}')


def test_pycasbin_121_a_pattern_is_about_the_whole_text() -> None:
    world = World.of('@id("p") permit p { action == read; when args.s like "abc"; }')
    for text in ("xabc", "abcx", "abc\n", "ABC", "ab", ""):
        assert kind(world.decide(world.intent(args={"s": text}))) == "default"
    assert isinstance(world.decide(), Allow)


@pytest.mark.parametrize("text", ['" or true or "', '"; permit x { } #', "{{1}}", "${true}", "*", '\\"', "true", "abc*"])
def test_opa_46569_what_a_caller_writes_is_never_policy(text: str) -> None:
    world = World.of('@id("p") permit p { action == read; when args.s == "abc" or args.s like "a?c"; }')
    assert kind(world.decide(world.intent(args={"s": text}))) == "default"


def test_opa_36085_what_a_test_block_pretends_is_pretended_there_only() -> None:
    pretended = (
        'fixture f { entity Group::"board"; entity User::"ann" in [Group::"board"] { level: 9, vip: true }; entity Doc::"d" { owner: User::"ann" }; }'
        'test "t" with f { intent { principal: User::"ann"; action: read; resource: Doc::"d"; '
        'args: { n: 1, d: 1.0, s: "abc", set: [1] }; context: { risk: 0 }; } expect allow; }'
    )
    rule = '@id("p") permit p { principal is User in Group::"board"; action == read; when principal.vip; }'
    assert kind(World.of(rule + pretended).decide()) == "default"


def test_spicedb_vwv5_a_waiting_answer_stays_one_under_threads() -> None:
    world = World.of(f'{PERMIT} @id("g") escalate g {{ action == read; when args.n > 0; approval {{ from: Group::"board"; quorum: 1; expires: 1h; }} }}')

    def ask(n: int) -> str:
        return type(world.decide(world.intent(args={"n": n % 2}))).__name__

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(400)))
    assert found == ["Allow", "Escalate"] * 200


@pytest.mark.parametrize(("operator", "allowed"), [("<", {9}), ("<=", {9, 10}), (">", {11}), (">=", {10, 11}), ("==", {10}), ("!=", {9, 11})])
def test_aflock_60_every_comparison_at_its_boundary(operator: str, allowed: set[int]) -> None:
    world = World.of(f'@id("p") permit p {{ action == read; when args.n {operator} 10; }}')
    assert {n for n in (9, 10, 11) if isinstance(world.decide(world.intent(args={"n": n})), Allow)} == allowed


def test_keycloak_9799_there_is_no_switch_that_lets_through() -> None:
    words = ("permissive", "advisory", "dry_run", "disable", "enforce", "bypass", "allow_all", "fail_open", "skip")
    assert [name for name in dir(intended_core) if any(word in name.lower() for word in words)] == []


@pytest.mark.parametrize("args", [{"n": True}, {"n": 1.0}, {"n": "1"}, {"n": float("nan")}, {"n": None}, {"n": 2**63}, {"set": [1, True]}, {"s": 1},
                                  {"s": b"abc"}, {"d": 1.5}, {"d": "NaN"}, {"d": "Infinity"}, {"d": "1e5"}, {"set": {"a": 1}}])  # fmt: skip
def test_python_values_of_another_type_are_not_equal_ones(args: dict[str, object]) -> None:
    world = World.of(PERMIT)
    with pytest.raises(IntentError):
        world.decide(world.intent(args=args))


def test_a_glob_made_to_backtrack_is_read_once() -> None:
    pattern = "*a" * 60 + "b"
    world = World.of(f'@id("p") permit p {{ action == read; when args.s like "{pattern}"; }}')
    assert kind(world.decide(world.intent(args={"s": "a" * 4_096}))) == "default"
    assert isinstance(world.decide(world.intent(args={"s": "a" * 4_095 + "b"})), Allow)


def test_an_approval_never_lifts_a_forbid_or_an_error() -> None:
    gate = '@id("g") escalate g { action == read; approval { from: Group::"board"; quorum: 1; expires: 1h; } }'
    for other, said in (('@id("f") forbid f { action == read; when true; }', "forbid"), (f'@id("f") forbid f {{ action == read; {OVERFLOW} }}', "error")):
        world = World.of(f"{PERMIT} {gate} {other}")
        for principal in (ANN, BOB):
            assert kind(world.decide(world.intent(principal=principal), approved=frozenset({"g#1"}))) == said


SEEDED = """
from tests.reference.policy_world import World
rules = "".join('@id("r%d") forbid r%d { action == read; when any x in args.set { x + 9007199254740991 * %d > 0 }; }' % (n, n, n) for n in range(6))
found = World.of('@id("p") permit p { action == read; }' + rules).decide()
print(found.kind, found.rules, found.reasons)
"""


def test_hash_seeds_do_not_show() -> None:
    answers = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        answers.add(subprocess.run([sys.executable, "-c", SEEDED], env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(answers) == 1
    assert "forbid" in answers.pop()
