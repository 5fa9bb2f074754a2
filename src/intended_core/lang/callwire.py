"""Calls in wire form: out of an intent, to go along with its token; and back, in the plain values that `validate_call` takes."""

from __future__ import annotations

from typing import Any, Final

from intended_core.canonical import pack, parse_canonical
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import Call
from intended_core.lang.typedata import decoder
from intended_core.lang.types import Schema

__all__ = ["call_of_wire", "wire_of_call"]

MAX_CALL_BYTES: Final = 256 * 1024  # as an intent
_MEMBERS: Final = {"action", "args", "resource"}


def wire_of_call(intent_wire: bytes) -> bytes:
    """The wire form of the call that an intent announces, from the intent's own (`ValidIntent.wire`)."""
    data: Any = parse_canonical(intent_wire, max_bytes=MAX_CALL_BYTES)
    return pack({name: data[name] for name in _MEMBERS})


def call_of_wire(schema: Schema, wire: bytes) -> Call:
    """The call whose wire form is `wire`; raises IntentError. Whoever redeems it computes its digest anew, from the call."""
    data: Any = parse_canonical(wire, max_bytes=MAX_CALL_BYTES)
    try:
        if data.keys() != _MEMBERS:
            raise TypeError("members")
        args: Any = decoder(schema.actions[data["action"]].args)(data["args"])
        kind, name = data["resource"]
        return Call(action=data["action"], resource=EntityRef(str(kind), str(name)), args=args)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IntentError("not the wire form of a call", place="call") from None
