"""Whoever writes to the database behind the authority cannot move a limit: rows of params and tables are ours and the newest, or all is denied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, Granted
from intended_core.audit.verdicts import RerunState
from intended_core.auditing import export_evidence, verify_evidence
from intended_core.canonical import b64url
from intended_core.errors import AuditError
from intended_core.flows.datarows import content_key, decode_pointer
from intended_core.unit import Row
from tests.reference.data_world import data_world
from tests.reference.flow_world import ACCOUNT, World, intent


@pytest.fixture
def world() -> World:
    """The account is frozen; it was not before."""
    made = data_world()
    made.restore()
    made.tenant.data.set(tables={"frozen": [ACCOUNT]})
    return made


def older(world: World) -> tuple[Row, Row]:
    """Pointer and content as they stood before the account was frozen."""
    world.restore()
    pointer = world.row("policy", "data")
    content = world.row("policy", content_key(decode_pointer(pointer)).key)
    world.tenant.data.set(tables={"frozen": [ACCOUNT]})
    return pointer, content


def denied(world: World) -> bool:
    world.reopen()
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert not isinstance(outcome, Granted)
    assert isinstance(outcome, Deny)
    return outcome.kind == "unavailable"


def test_the_older_pointer_is_put_back(world: World) -> None:
    pointer, _ = older(world)
    world.edit(pointer)
    assert denied(world)


def test_the_pointer_is_taken_away(world: World) -> None:
    world.remove("policy", "data")
    assert denied(world)


def test_the_pointer_is_edited(world: World) -> None:
    pointer, _ = older(world)
    world.edit(replace(world.row("policy", "data"), body=pointer.body))
    assert denied(world)


def test_the_older_content_is_put_under_the_new_name(world: World) -> None:
    _, content = older(world)
    now = content_key(decode_pointer(world.row("policy", "data")))
    world.edit(replace(content, key=now.key))
    assert denied(world)


def test_the_content_is_edited(world: World) -> None:
    now = world.row("policy", content_key(decode_pointer(world.row("policy", "data"))).key)
    world.edit(replace(now, body=now.body.replace(b'"id":"main"', b'"id":"else"')))
    assert denied(world)


def test_the_content_is_taken_away(world: World) -> None:
    world.remove("policy", content_key(decode_pointer(world.row("policy", "data"))).key)
    assert denied(world)


def test_a_process_that_remembers_is_stopped_under_the_lock(world: World) -> None:
    pointer, _ = older(world)
    world.tenant.data.set(params={"cap": "1.00"})  # the memory of this process is of this moment
    world.edit(pointer)
    assert not isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)


def test_what_a_decision_read_is_exchanged_for_evidence(world: World) -> None:
    world.restore()
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    key = b64url(world.tenant.policy().data.digest)
    stored = world.row("snapshot", key)
    world.remove("snapshot", key)
    with pytest.raises(AuditError, match="not in the store"):
        export_evidence(world.tenant, granted.seq, made_us=1)
    world.edit(stored)
    assert verify_evidence(export_evidence(world.tenant, granted.seq, made_us=1)).rerun is RerunState.AGREES
