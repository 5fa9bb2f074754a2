"""The holds desk signs with local keys or takes signatures; what it does is judged in tests/unit/intended_core/flows/test_hold.py."""

from __future__ import annotations

from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World


def test_a_key_here_and_a_signature_from_elsewhere_go_together(world: World) -> None:
    desk, until = world.tenant.holds, world.runtime.clock.now_us() + 1_000_000
    planned = desk.plan(reason="case", basis="order")
    signature = BOB_KEY.sign(desk.digest(planned, expires_us=until))
    hold = desk.place(planned, expires_us=until, keys=[(ANN, ANN_KEY)], signatures=[(BOB, signature)])
    assert hold.seq == world.tenant.head().size - 1
    again = BOB_KEY.sign(desk.lift_digest(hold.seq, reason="over", basis="order", expires_us=until))
    desk.lift(hold.seq, reason="over", basis="order", expires_us=until, keys=[(ANN, ANN_KEY)], signatures=[(BOB, again)])
    assert desk.list() == ()
