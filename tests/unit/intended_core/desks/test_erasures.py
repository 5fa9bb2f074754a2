"""The erasures desk signs with local keys or takes signatures; what it does is judged in tests/unit/intended_core/flows/test_erase.py."""

from __future__ import annotations

from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World


def test_a_key_here_and_a_signature_from_elsewhere_go_together(world: World) -> None:
    desk, until = world.tenant.erasures, world.runtime.clock.now_us() + 1_000_000
    planned = desk.plan("redact", [world.pending.seq], reason="asked", basis="law")
    signature = BOB_KEY.sign(desk.digest(planned, expires_us=until))
    done = desk.erase(planned, expires_us=until, keys=[(ANN, ANN_KEY)], signatures=[(BOB, signature)])
    assert (done.records, done.seq) == (1, world.tenant.head().size - 1)
