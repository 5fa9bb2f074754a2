"""The anchor log's ML-DSA-44 key: made once, sealed, in every checkpoint from then on; whatever is wrong with it, nothing is published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intended_adapters.signing import local
from intended_core.audit import cosignature
from intended_core.audit.anchored import verify_slot_proof
from intended_core.audit.cosignature import ML_DSA_44, CosignerKey, cosigned_by
from intended_core.audit.grades import Grade
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.errors import AuditError, KeyRingError, StoreCorruptError
from intended_core.flows.effects import GenerateKey, SignOnce
from intended_core.flows.rewrap import rewrap, sealed_under
from intended_core.flows.runtime import drive
from intended_core.flows.seal import PUBLISHED
from intended_core.flows.second import make_second, second_line
from intended_core.unit import RowKey
from tests.reference.sealed_world import SealedWorld

ROW = RowKey("secret", "adapter:anchor:ml-dsa-44")


def test_it_is_made_once_and_signs_every_checkpoint_from_then_on() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    assert anchor.second_key() is None
    assert anchor.checkpoint().count(b"\xe2\x80\x94") == 1
    key = anchor.add_second_key()
    assert (key.name, key.kind) == (anchor.key().name, ML_DSA_44)
    anchor.release()
    world.reopen()
    anchor = world.authority.anchor
    assert anchor.add_second_key() == anchor.second_key() == key
    anchor.seal()
    anchor.cosign(world.witness, world.witness.key)
    (found,) = cosigned_by(anchor.checkpoint(), [key])
    assert found.time_s == 0
    assert world.check() == 2
    policy = f"log {anchor.key()}\nlog {key}\nwitness w {world.witness.key}\nquorum w\n"
    proof = anchor.prove_slot(world.tenant().scope)
    assert verify_slot_proof(proof, parse_policy(policy.encode())).grade is Grade.WITNESSED


def test_its_row_is_neither_taken_away_nor_put_back_unseen() -> None:
    world = SealedWorld()
    world.authority.anchor.add_second_key()
    world.authority.anchor.seal()
    published = world.data().rows[PUBLISHED]
    world.authority.anchor.release()
    whole = world.store.snapshot()
    data = world.data()
    world.store.restore({**whole, world.context.scope.key: replace(data, rows={key: row for key, row in data.rows.items() if key != ROW})})
    world.reopen()
    for asked in (world.authority.anchor.seal, world.authority.anchor.second_key, world.authority.anchor.add_second_key):
        with pytest.raises(StoreCorruptError, match="taken away"):
            asked()
    assert world.data().rows[PUBLISHED] == published


def test_it_is_carried_over_to_a_new_key_encryption_key() -> None:
    world = SealedWorld()
    key = world.authority.anchor.add_second_key()
    assert key.public not in world.data().rows[ROW].body
    world.runtime.kek.kek_id = "newer"  # type: ignore[misc]
    while drive(world.runtime, world.context, rewrap(world.context, kek_id="newer")).left:
        pass
    assert drive(world.runtime, world.context, sealed_under(world.context)) == {"newer": 3}
    assert world.authority.anchor.second_key() == key
    world.authority.anchor.seal()
    assert len(cosigned_by(world.data().rows[PUBLISHED].body, [key])) == 1


@pytest.mark.parametrize("effect", [GenerateKey, SignOnce])
def test_a_signer_that_does_not_know_it_makes_none(effect: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    rows = dict(world.data().rows)

    def unknown() -> Any:
        raise KeyRingError("the installed libraries do not know ML-DSA-44")

    if effect is GenerateKey:
        monkeypatch.setattr(local, "_mldsa", unknown)
    else:
        monkeypatch.setattr(local.LocalSigningKey, "sign", lambda self, payload: bytes(2420))
    with pytest.raises((KeyRingError, AuditError)):
        world.authority.anchor.add_second_key()
    assert world.data().rows == rows


def test_where_the_libraries_have_lost_it_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.add_second_key()
    anchor.seal()
    published = world.data().rows[PUBLISHED]

    def gone(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(cosignature, "import_module", gone)
    with pytest.raises(AuditError) as raised:
        anchor.seal()
    assert raised.value.code == "audit.unsupported"
    assert world.data().rows[PUBLISHED] == published
    monkeypatch.undo()
    sealed = anchor.seal()
    assert sealed is not None
    assert isinstance(anchor.second_key(), CosignerKey)


def test_flows_hold_no_secret_in_what_they_show() -> None:
    world = SealedWorld()
    flow = make_second(world.context)
    assert "private" not in repr(next(flow))
    flow.close()
    line = second_line(world.context, b"")
    assert "private" not in repr(next(line))
    line.close()
