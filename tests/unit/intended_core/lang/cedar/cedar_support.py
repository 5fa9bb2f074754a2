"""One small schema and its helpers for the tests of the Cedar front end."""

from __future__ import annotations

from intended_core.lang.cedar import ast
from intended_core.lang.cedar.loading import CedarReport, load_cedar
from intended_core.lang.cedar.parser import parse_policies
from intended_core.lang.source import Source

SCHEMA = b"""
entity User in [Group] = {
  age: Long, name: String, opt?: Long, rec: {a: Long, b?: String}, boss?: User, grp: Group, ss: Set<String>, es: Set<User>,
  ip?: ipaddr, dec: decimal, dt: datetime, du: duration
} tags String;
entity Group in [Org]; entity Org; entity Photo = {owner: User, n?: Long}; entity Color enum ["red", "blue"];
entity Doc in [Photo];
action view, edit in [all] appliesTo {principal: [User], resource: [Photo], context: {ip: ipaddr, opt?: Long, c?: Color}};
action all;
action multi appliesTo {principal: [User, Group], resource: [Photo, Doc], context: {}};
"""


def load(policies: str, schema: bytes = SCHEMA) -> CedarReport:
    """The report of one policy text."""
    return load_cedar({"p.cedar": policies.encode()}, ("s.cedarschema", schema))


def policy(text: str) -> ast.Policy:
    """The one policy of a text."""
    found, problems = parse_policies([Source.from_text("p.cedar", text)])
    assert problems == ()
    assert len(found) == 1
    return found[0]


def expression(text: str) -> ast.Expr:
    """An expression as a `when` holds it."""
    return policy(f"permit(principal, action, resource) when {{ {text} }};").conditions[0].expr


def codes(policies: str, schema: bytes = SCHEMA) -> list[str]:
    """The codes of what is wrong, warnings left out."""
    return [found.code for found in load(policies, schema).diagnostics if found.severity == "error"]


def wrong(text: str) -> list[str]:
    """The codes of what is wrong with a condition for `view`."""
    return codes(f'permit(principal, action == Action::"view", resource) when {{ {text} }};')
