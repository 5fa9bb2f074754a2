from __future__ import annotations

import inspect

import pytest

from intended_core import errors
from intended_core.errors import (
    AccessDeniedError,
    AdapterError,
    AssemblyError,
    AuditError,
    IntendedError,
    IntentError,
    KeyRingError,
    PolicyError,
    StoreError,
    TokenError,
    UnitRefusedError,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, IntendedError)
    assert kind.__name__.endswith("Error")
    assert inspect.getdoc(kind)


def test_the_tree_is_drawn_by_who_must_act() -> None:
    roots = {
        AccessDeniedError,
        AdapterError,
        AssemblyError,
        AuditError,
        IntentError,
        KeyRingError,
        PolicyError,
        TokenError,
    }
    assert {kind.__mro__[1] for kind in roots} == {IntendedError}
    stores = {kind for kind in CLASSES if kind.__name__.startswith("Store")} - {StoreError}
    assert {kind.__mro__[1] for kind in stores} == {StoreError}
    assert issubclass(StoreError, AdapterError)
    assert not any(issubclass(one, two) for one in roots for two in roots if one is not two)


def test_a_token_error_says_one_thing_for_every_cause() -> None:
    errors_seen = [TokenError("token.expired"), TokenError("token.signature")]
    assert {str(one) for one in errors_seen} == {TokenError.PUBLIC_MESSAGE}
    assert {repr(one) for one in errors_seen} == {"TokenError()"}
    assert [one.code for one in errors_seen] == ["token.expired", "token.signature"]
    assert "expired" not in str(errors_seen[0].args)


def test_an_intent_error_names_its_place() -> None:
    assert str(IntentError("is required", place="args.amount")) == "args.amount: is required"
    assert str(IntentError("is required")) == "is required"
    assert IntentError("is required", place="args.amount").problem == "is required"


def test_errors_carry_what_their_reader_needs() -> None:
    assert PolicyError("x", diagnostics=[1, 2]).diagnostics == (1, 2)
    assert AuditError("x").code == "audit.invalid"
    assert AuditError("x", code="audit.gap").code == "audit.gap"
    outcome = object()
    assert AccessDeniedError("x", outcome=outcome).outcome is outcome
    refused = UnitRefusedError("halted", "the tenant is halted")
    assert (refused.code, refused.detail, str(refused)) == (
        "halted",
        "the tenant is halted",
        "halted: the tenant is halted",
    )
    assert str(UnitRefusedError("halted")) == "halted"
