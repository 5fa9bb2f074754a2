"""An adapter elsewhere: a redeemer with the tenant's public keys, over a ledger that is called or a register of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intended_core import Granted, KeySet, LedgerByCall, Redeemer, SystemRandomness
from intended_core.flows.effects import Context
from intended_core.ports import Journal, Register
from tests.reference.flow_world import World, intent

EDGE = "edge-1"


def detach(world: World) -> None:
    """The adapter `bank` has a detached register from now on, in this world's process."""
    settings = replace(world.context.settings, detached_registers=(("bank", EDGE),))
    context = Context(scope=world.context.scope, mac=world.context.mac, settings=settings, writer="edge")
    world.tenant = type(world.tenant)(runtime=world.runtime, context=context)


def over_ledger(world: World, call: Callable[[bytes], bytes] | None = None, audience: str = "bank") -> Redeemer:
    """A redeemer that asks the authority's ledger through `call` (default: as it is)."""
    register = LedgerByCall(credential=world.tenant.tokens.credential(audience), call=call or world.tenant.tokens.serve)
    return redeemer(world, register)


def redeemer(world: World, register: Register, journal: Journal | None = None) -> Redeemer:
    """A redeemer of the adapter `bank` with this register."""
    return Redeemer(
        expected=world.tenant.tokens.expected("bank"), keys=KeySet(world.tenant.tokens.jwks()), register=register,
        clock=world.clock, randomness=SystemRandomness(), journal=journal,
    )  # fmt: skip


def granted(world: World, **more: object) -> Granted:
    """A token for a small payment."""
    outcome = world.tenant.authorize(intent(), audience="bank", **more)  # type: ignore[arg-type]
    assert isinstance(outcome, Granted)
    return outcome
