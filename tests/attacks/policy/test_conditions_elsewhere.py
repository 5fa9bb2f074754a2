"""Fail-open faults that other engines had in conditions, tried on this one. Each name says whose; the table is in `rows`."""

from __future__ import annotations

import pytest

import intended_core
from intended_core import Allow, Deny, EntityRef, Escalate, Intent
from intended_core.errors import IntentError, PolicyError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check
from intended_core.lang.intents import validate
from intended_core.lang.source import Source
from tests.reference.policy_world import ANN, World

PERMIT = '@id("p") permit p { action == read; }'
GATE = 'approval { from: Group::"board"; quorum: 1; expires: 1h; }'
OVERFLOW = "9_223_372_036_854_775_807 + args.n > 0"
WEB = """
@root entity User; entity Net;
action get { principal: User; resource: Net; args: { url: Url }; }
@id("p") permit p { action == get; when args.url.path() like "/public/**"; }
"""


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/admin?next=/public/x", "https://a.example/admin/public/x", "https://public.example/admin",
        "https://a.example/x/public/", "https://a.example/publicity",
    ],
)  # fmt: skip
def test_keycloak_9800_a_path_somewhere_in_a_url_is_not_its_path(url: str) -> None:
    world = World.of(WEB, [intended_core.Entity(ref=EntityRef("User", "u")), intended_core.Entity(ref=EntityRef("Net", "n"))], schema="")
    good, bad = (
        Intent(principal=EntityRef("User", "u"), action="get", resource=EntityRef("Net", "n"), args={"url": text})
        for text in ("https://a.example/public/x", url)
    )
    assert isinstance(world.decide(good), Allow)
    assert isinstance(world.decide(bad), Deny)


@pytest.mark.parametrize("where", ["args", "context"])
def test_keycloak_18570_what_is_required_is_there(where: str) -> None:
    world = World.of(f'{PERMIT} @id("f") forbid f {{ action == read; when context.risk > 5 or args.n > 5; }}')
    whole = world.intent()
    args = {} if where == "args" else whole.args
    context = {} if where == "context" else whole.context
    with pytest.raises(IntentError):
        validate(world.checked.schema, TEST_SCOPE, Intent(
            principal=ANN, action="read", resource=whole.resource, args=args, context=context,
        ))  # fmt: skip


CLAUSES = {
    "when": f"when {OVERFLOW};",
    "the second when": f"when args.n == 1; when {OVERFLOW};",
    "unless": f"unless {OVERFLOW};",
    "let": f"let big = {OVERFLOW}; when big;",
    "def": "when much(args.n);",
    "any": f"when any x in args.set {{ {OVERFLOW} }};",
    "all": f"when all x in args.set {{ {OVERFLOW} }};",
    "count": f"when count x in args.set {{ {OVERFLOW} }} > 0;",
    "sum": "when sum x in args.set { x * 9_223_372_036_854_775_807 } > 0;",
    "if": f"when if {OVERFLOW} then true else false;",
    "table": "when args.n in order;",
    "param": "when args.n == floor;",
    "zone": 'when now.time(args.s) > 09:00;',
}
DECLARED = f"param floor: Int; @max(3) table order: List<Int>; def much(args_n: Int): Bool = {OVERFLOW};\n"


@pytest.mark.parametrize("effect", ["permit", "forbid", "escalate"])
@pytest.mark.parametrize("clause", sorted(CLAUSES))
def test_keycloak_9792_an_error_in_any_clause_of_any_effect_denies(effect: str, clause: str) -> None:
    gate = GATE if effect == "escalate" else ""
    found = World.of(f'{DECLARED} {PERMIT} @id("x") {effect} x {{ action == read; {CLAUSES[clause]} {gate} }}').decide()
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("error", ("x",))


@pytest.mark.parametrize("effect", ["permit", "escalate"])
@pytest.mark.parametrize("fields", ["quorum: args.n + 16; expires: 1h;", "quorum: 1; expires: if args.n == 1 then 1h - 1h else 1h;"])
def test_an_error_in_an_approval_denies(effect: str, fields: str) -> None:
    found = World.of(f'{PERMIT} @id("x") {effect} x {{ action == read; approval {{ from: Group::"board"; {fields} }} }}').decide()
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("error", ("x",))


def test_an_error_in_a_ceiling_denies() -> None:
    meter = "meter m { on: [read]; key: [principal]; window: sliding(1m); amount: 1; }"
    for effect, gate in (("forbid", ""), ("escalate", GATE)):
        found = World.of(f'{meter} {PERMIT} @id("x") {effect} x {{ meter m > 9_223_372_036_854_775_807 + args.n; {gate} }}').decide(readings={"m": 0})
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("error", ("x",))


def test_cerbos_917_there_is_no_filter_that_could_disagree() -> None:
    """No partial evaluation, no list of what somebody may see: every answer is a decision about one intent."""
    for door in (intended_core.Authority, intended_core.TenantAuthority, intended_core):
        names = {name for name in dir(door) if not name.startswith("_")}
        assert not {name for name in names if any(word in name for word in ("partial", "filter", "residual"))}


@pytest.mark.parametrize("pattern", ["a/**", "/a//b", "/a/***", "/a**b", "/../a", ""])
def test_aflock_60_a_bad_pattern_does_not_load(pattern: str) -> None:
    text = WEB.replace("/public/**", pattern)
    with pytest.raises(PolicyError):
        check([Source.from_text("t.policy", text)])


def test_an_escalation_is_never_read_as_true() -> None:
    found = World.of(f'{PERMIT} @id("x") escalate x {{ action == read; {GATE} }}').decide()
    assert isinstance(found, Escalate)
    with pytest.raises(TypeError):
        bool(found)
