"""What a policy computed is written as the same value would have been read."""

from __future__ import annotations

from hypothesis import given

from intended_core.errors import IntentError
from intended_core.lang.typedata import converter
from intended_core.lang.types import Type
from intended_core.lang.wire import wire_of
from tests.unit.intended_core.lang.test_typedata import typed


@given(typed())
def test_the_written_form_is_that_of_the_door(pair: tuple[Type, object]) -> None:
    kind, plain = pair
    try:
        value, wire = converter(kind)(plain, "x", set())
    except IntentError:
        return
    assert wire_of(kind)(value) == wire
