"""Cedar mode of the loader: all or nothing, and never an exception for what a file holds."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.loading import Link, load_cedar
from intended_core.lang.cedar.refs import CedarRef
from tests.unit.intended_core.lang.cedar.cedar_support import SCHEMA, load

TEMPLATE = '@id("t") permit(principal == ?principal, action == Action::"view", resource);'


def test_files_are_numbered_in_name_order_and_digests_follow_the_text() -> None:
    texts = {"b.cedar": b"forbid(principal, action, resource);", "a.cedar": b"permit(principal, action, resource);"}
    loaded = load_cedar(texts, ("s.cedarschema", SCHEMA)).loaded
    assert loaded is not None
    assert [(policy.id, policy.effect) for policy in loaded.policies] == [("policy0", "permit"), ("policy1", "forbid")]
    again = load_cedar({**texts, "b.cedar": b"forbid(principal, action, resource); "}, ("s.cedarschema", SCHEMA)).loaded
    assert again is not None
    assert again.checked.text_digest != loaded.checked.text_digest


def test_a_template_alone_grants_nothing() -> None:
    loaded = load(TEMPLATE).loaded
    assert loaded is not None
    assert loaded.checked.rules == ()


def test_a_link_makes_a_policy() -> None:
    link = Link(template="t", new_id="ann", values={"?principal": CedarRef("User", "ann")})
    loaded = load_cedar({"p": TEMPLATE.encode()}, ("s", SCHEMA), [link]).loaded
    assert loaded is not None
    assert [rule.id for rule in loaded.checked.rules] == ["ann"]


@pytest.mark.parametrize(
    ("link", "code"),
    [
        (Link(template="x", new_id="a", values={}), "name.unknown"),
        (Link(template="t", new_id="a", values={}), "field.missing"),
        (Link(template="t", new_id="policy0", values={"?principal": CedarRef("User", "a")}), "name.duplicate"),
        (Link(template="t", new_id="a", values={"?principal": CedarRef("Org", "a")}), "rule.never-applies"),
        (Link(template="t", new_id="a", values={"?principal": CedarRef("Nope", "a")}), "name.unknown"),
    ],
    ids=range(5),
)
def test_links_that_are_refused(link: Link, code: str) -> None:
    report = load_cedar({"p": TEMPLATE.encode()}, ("s", SCHEMA), [link])
    assert report.loaded is None
    assert code in [found.code for found in report.diagnostics]


@pytest.mark.parametrize(
    ("text", "schema"),
    [(b"\xff", SCHEMA), (b"permit(principal, action, resource);", b"\xff"), (b"permit(", SCHEMA), (b"a\rb", SCHEMA), (b"permit(principal, action, resource);", b"entity A in [B];")],
    ids=range(5),
)
def test_nothing_of_a_wrong_set_is_loaded(text: bytes, schema: bytes) -> None:
    report = load_cedar({"p.cedar": text}, ("s.cedarschema", schema))
    assert report.loaded is None
    assert report.text


def test_one_wrong_policy_refuses_the_set_and_is_told_with_its_place() -> None:
    report = load("permit(principal, action, resource);\npermit(principal, action, resource) when { principal.nope == 1 };")
    assert report.loaded is None
    assert "p.cedar:2:" in report.text
