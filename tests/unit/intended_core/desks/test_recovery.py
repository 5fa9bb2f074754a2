"""The desk shows where the log stands and takes the ceremony's signatures."""

from __future__ import annotations

from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World


def test_a_sound_log(world: World) -> None:
    status, head = world.tenant.recovery.status(), world.head
    assert (status.generation, status.size, status.root) == (1, head.size, head.frontier.root())
    assert (status.refusing, status.evidence, status.ahead_us) == (False, "", 0)


def test_one_key_here_and_one_signature_from_elsewhere(world: World) -> None:
    signature = BOB_KEY.sign(world.tenant.recovery.digest("restored"))
    done = world.tenant.recovery.recover(reason="restored", keys=((ANN, ANN_KEY),), signatures=((BOB, signature),))
    assert done.generation == world.tenant.recovery.status().generation == 2
