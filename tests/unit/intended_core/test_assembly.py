"""Authority: `create` writes a store and a key once, `open` never creates either, and what does not fit refuses to start."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from intended_core import (
    Authority,
    Deny,
    HaltTarget,
    IntendedError,
    ManualClock,
    Settings,
    TokenError,
    export_evidence,
    verify_evidence,
)
from intended_core.assembly import MAC_BYTES
from intended_core.audit.checkpoint import parse_vkey
from intended_core.audit.grades import Grade
from intended_core.audit.verdicts import TrustPolicy
from intended_core.canonical import unb64url
from intended_core.clock import SystemRandomness
from intended_core.errors import (
    AssemblyError,
    IntentError,
    KeyRingError,
    StoreConflictError,
    StoreCorruptError,
    StoreError,
)
from intended_core.flows.rewrap import rewrap
from intended_core.flows.runtime import Runtime
from intended_core.loader.registry import load_registry
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, ENTITIES, NOW_US, POLICY, World, intent, pay
from tests.reference.second_verifier import agree


class Places:
    """A store and a key file, each in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        for name in ("data", "keys"):
            (folder / name).mkdir(parents=True)
        self.store, self.key = folder / "data" / "a.db", folder / "keys" / "kek"

    def create(self, **more: object) -> Authority:
        given = {"clock": ManualClock(NOW_US), "durability": "normal", **more}
        return Authority.create(self.store, key_file=self.key, **given)  # type: ignore[arg-type]

    def open(self, **more: object) -> Authority:
        return Authority.open(self.store, key_file=self.key, **{"clock": ManualClock(NOW_US), **more})  # type: ignore[arg-type]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_what_is_created_is_opened(places: Places) -> None:
    with places.create() as made:
        scope = made.create_tenant("acme").scope
        assert made.info().adapter == "sqlite"
    with places.open() as opened:
        opened.probe()
        assert opened.tenants() == (scope,)
        assert opened.tenant("acme").scope == scope
        assert opened.tenant("acme") is opened.tenant("acme")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519"])
def test_a_tenant_signs_with_the_algorithm_that_it_was_made_with(places: Places, algorithm: str) -> None:
    with places.create() as authority:
        tenant = authority.create_tenant("acme", algorithm=algorithm)
        tenant.activate({"bank.policy": POLICY})
        tenant.put_entities(ENTITIES)
        token = tenant.require(intent(), audience="bank")
        assert f'"alg":"{algorithm}"' in unb64url(token.text.partition(".")[0]).decode()
        assert tenant.rotate_keys(algorithm="Ed25519" if algorithm == "ES256" else "ES256").previous
        redeemed = tenant.redeem(token, pay(), adapter=tenant.adapter("bank"))
        assert redeemed.claims.log is not None
        bundle = export_evidence(tenant, redeemed.claims.log[1], made_us=NOW_US)
        pinned = str(tenant.checkpoint()[1])
        verdict = verify_evidence(bundle, pinned=[pinned])
        assert (verdict.grade, verdict.findings) == (Grade.CONSISTENT_UNANCHORED, ())
        agree(bundle, TrustPolicy(log_keys=(parse_vkey(pinned),)))
    with places.open() as opened:
        active = opened.tenant("acme").policy().ring.active("token")
        assert active.algorithm == ("Ed25519" if algorithm == "ES256" else "ES256")
        assert opened.tenant("acme").rotate_keys().active != active.kid
        assert opened.tenant("acme").policy().ring.active("token").algorithm == active.algorithm


@pytest.mark.parametrize("algorithm", ["HS256", "none", "rs256", "EdDSA", ""])
def test_an_algorithm_that_no_tenant_signs_with(places: Places, algorithm: str) -> None:
    with places.create() as authority:
        with pytest.raises(AssemblyError):
            authority.create_tenant("acme", algorithm=algorithm)
        assert authority.tenants() == ()
        tenant = authority.create_tenant("acme")
        with pytest.raises(KeyRingError):
            tenant.rotate_keys(algorithm=algorithm or "HS384")


def test_creating_overwrites_neither_store_nor_key(places: Places) -> None:
    places.create().close()
    store, key = places.store.read_bytes(), places.key.read_bytes()
    for gone in (places.store, places.key, None):
        kept = None if gone is None else gone.rename(gone.with_suffix(".away"))
        with pytest.raises(IntendedError):
            places.create()
        if kept is not None and gone is not None:
            kept.replace(gone)
    assert (places.store.read_bytes(), places.key.read_bytes()) == (store, key)


def test_opening_creates_nothing(places: Places) -> None:
    for present in ("nothing", "key"):
        if present == "key":
            places.key.write_bytes(b"k" * 32)
            places.key.chmod(0o600)
        with pytest.raises(IntendedError):
            places.open()
        assert not places.store.exists()
    places.key.unlink()
    places.create().close()
    places.key.unlink()
    with pytest.raises(IntendedError):
        places.open()
    assert not places.key.exists()


def test_the_key_may_not_lie_beside_the_store(tmp_path: Path) -> None:
    for make in (Authority.create, Authority.open):
        with pytest.raises(AssemblyError, match="beside"):
            make(tmp_path / "a.db", key_file=tmp_path / "kek")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_life_seconds": 0}, {"token_life_seconds": 301}, {"refusal_interval_seconds": 0}, {"refusal_interval_seconds": 86_401}, {"leeway_seconds": -1}, {"leeway_seconds": 31},
        {"flow_deadline_seconds": 0.09}, {"flow_deadline_seconds": 60.1},
    ],
    ids=lambda wrong: "-".join(f"{name}={value}" for name, value in wrong.items()),
)  # fmt: skip
def test_a_setting_out_of_its_bounds_refuses_to_start(places: Places, wrong: dict[str, float]) -> None:
    places.create().close()
    with pytest.raises(AssemblyError, match=next(iter(wrong))):
        places.open(settings=replace(Settings(), **wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a b", "é", "a/b", "x" * 101, "a\n"])
def test_an_authoritys_name(world: World, name: str) -> None:
    """It stands in tokens and log origins."""
    with pytest.raises(IntentError):
        Authority(runtime=world.runtime, settings=Settings(), registry=None, name=name)  # type: ignore[arg-type]


def test_a_tenant_is_made_once_per_environment(places: Places) -> None:
    with places.create() as made:
        live = made.create_tenant("acme")
        with pytest.raises(AssemblyError, match="exists"):
            made.create_tenant("acme")
        test = made.create_tenant("acme", "test")
        assert live.scope.uuid == test.scope.uuid
        assert live.scope != test.scope
        one, two = live.keys(), test.keys()
        assert {record.kid for record in one}.isdisjoint(record.kid for record in two)
        assert made.create_tenant("rival").scope.uuid != live.scope.uuid
        assert len(made.tenants()) == 3


@pytest.mark.parametrize(("name", "env"), [("Acme", "live"), ("", "live"), ("a/b", "live"), ("acme", "prod"), ("acme", "")])
def test_a_name_that_is_none(places: Places, name: str, env: str) -> None:
    with places.create() as made:
        for call in (made.create_tenant, made.tenant):
            with pytest.raises(IntentError):
                call(name, env)


def test_a_tenant_that_does_not_exist(places: Places) -> None:
    with places.create() as made:
        made.create_tenant("acme")
        for name, env in (("acme", "test"), ("other", "live")):
            with pytest.raises(AssemblyError, match="create_tenant"):
                made.tenant(name, env)


def test_another_key_does_not_open_the_store(places: Places, tmp_path: Path) -> None:
    with places.create() as made:
        made.create_tenant("acme")
    before = places.store.read_bytes()
    other = Places(tmp_path / "other")
    other.create().close()
    shutil.copy(other.key, places.key)
    with pytest.raises(KeyRingError, match="key file"), places.open() as opened:
        opened.tenant("acme")
    assert places.store.read_bytes() == before


def test_a_founding_that_broke_off_can_be_done_again(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    with places.create() as made:
        with monkeypatch.context() as patched:
            patched.setattr(Runtime, "_perform", _full)
            with pytest.raises(StoreError):
                made.create_tenant("acme")
        assert made.tenants() == ()
        with pytest.raises(AssemblyError):
            made.tenant("acme")
        assert isinstance(made.create_tenant("acme").authorize(intent(), audience="bank"), Deny)
        made.probe()


def _full(*_given: object) -> object:
    raise StoreError("full")


class Same:
    """Randomness that repeats, as a broken generator would."""

    def token_bytes(self, size: int) -> bytes:
        return b"r" * size


class Short(SystemRandomness):
    def token_bytes(self, size: int) -> bytes:
        return super().token_bytes(max(0, size - 1))


def test_two_tenants_of_one_identity_are_refused(places: Places) -> None:
    with places.create(randomness=Same()) as made:
        made.create_tenant("acme")
        with pytest.raises(StoreConflictError):
            made.create_tenant("rival")


def test_too_little_randomness_makes_no_tenant(places: Places) -> None:
    with places.create(randomness=Short()) as made:
        with pytest.raises(IntendedError):
            made.create_tenant("acme")
        assert made.tenants() == ()
    assert MAC_BYTES == 32


def test_opening_compares_every_log_with_its_head(world: World) -> None:
    authority = Authority(runtime=world.runtime, settings=Settings(), registry=None, name="faults")  # type: ignore[arg-type]
    authority.probe()
    snapshot = world.store.snapshot()
    data = snapshot[world.tenant.scope.key]
    changed = replace(data.records[3], leaf=b"x" * 32)
    for records in (data.records[:-1], (*data.records[:3], changed, *data.records[4:]), (*data.records, replace(changed, seq=len(data.records)))):
        world.store.restore(snapshot | {world.tenant.scope.key: replace(data, records=records)})
        with pytest.raises(StoreCorruptError, match="not the one its head names"):
            authority.probe()


def test_an_authority_shows_its_name_and_closes_its_store(places: Places) -> None:
    made = places.create(name="desk-1")
    tenant = made.create_tenant("acme")
    assert repr(made) == "Authority('desk-1')"
    with made:
        pass
    assert isinstance(tenant.authorize(intent(), audience="bank"), Deny)


def test_refusals_that_were_counted_are_recorded_at_the_end(places: Places) -> None:
    with places.create() as made:
        tenant = made.create_tenant("acme", algorithm="Ed25519")
        tenant.activate({"bank.policy": POLICY})
        size = tenant.head().size
        for _ in range(3):
            with pytest.raises(TokenError):
                tenant.redeem("a.b.c", pay(), adapter=tenant.adapter("bank"))
        assert tenant.head().size == size
    with places.open() as opened:
        (record,) = opened.tenant("acme").records(start=size)
        assert b'"count":3' in record.body


def test_another_process_that_appends_while_the_log_is_checked_is_no_damage(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    with places.create() as made, places.open() as other:
        made.create_tenant("acme")
        storage, told = made._runtime.storage, type(made._runtime.storage).leaves

        def leaves(self: object, scope: object, start: int, stop: int) -> object:
            if self is storage and start > 0:
                other.tenant("acme").authorize(intent(), audience="bank")
            return told(self, scope, start, stop)  # type: ignore[arg-type]

        monkeypatch.setattr(type(storage), "leaves", leaves)
        made.probe()


def test_all_tenants_are_carried_to_a_fresh_key_and_older_backups_open_until_it_is_dropped(places: Places) -> None:
    with places.create() as made:
        for name in ("acme", "globex"):
            made.create_tenant(name, algorithm="Ed25519").secrets.put("bank", "api-key", b"value")
        first = made._runtime.kek.kek_id
    backup = places.store.with_name("backup.db")
    shutil.copy(places.store, backup)
    told: list[tuple[str, int, int]] = []
    with places.open() as authority:
        second = authority.rewrap(progress=lambda scope, step: told.append((scope.tenant, step.done, step.left)))
        assert sorted(told) == [("acme", 4, 0), ("globex", 4, 0), ("~anchor", 2, 0)]
        assert authority.tenant("acme").keyring.sealed_under() == {second: 4}
        assert tuple(authority._runtime.kek.kek_ids) == (second, first)
    with Authority.open(backup, key_file=places.key, clock=ManualClock(NOW_US)) as older:
        assert older.tenant("acme").keyring.sealed_under() == {first: 4}
        with pytest.raises(KeyRingError, match="rewrap"):
            older.drop_older_keys()
    with places.open() as authority:
        assert authority.drop_older_keys() == (first,)
        authority.tenant("globex").rotate_keys()
    with pytest.raises(KeyRingError, match="key file"):
        Authority.open(backup, key_file=places.key, clock=ManualClock(NOW_US))


def test_a_run_that_stopped_goes_on_without_another_key(places: Places) -> None:
    with places.create() as made:
        for name in ("acme", "globex"):
            made.create_tenant(name, algorithm="Ed25519")

        def stop(scope: object, step: object) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            made.rewrap(progress=stop)  # type: ignore[arg-type]
        second, first = made._runtime.kek.kek_ids
        assert made.tenant("acme").keyring.sealed_under() == {second: 3}
        assert made.tenant("globex").keyring.sealed_under() == {first: 3}
        with pytest.raises(KeyRingError, match="rewrap"):
            made.drop_older_keys()
    with places.open() as authority:
        assert authority.rewrap() == second
        assert authority.tenant("globex").keyring.sealed_under() == {second: 3}
        assert len(authority._runtime.kek.kek_ids) == 2


def test_a_missing_key_among_several_refuses_to_start(places: Places) -> None:
    """Half of the rows under each key, and a key file with only one of them."""
    with places.create() as made:
        tenant = made.create_tenant("acme", algorithm="Ed25519")
        older = places.key.read_bytes()
        made._runtime.kek.renew()  # type: ignore[attr-defined]
        tenant.operate(rewrap(tenant._context, kek_id=made._runtime.kek.kek_ids[0], limit=1))
        both = places.key.read_bytes()
    for kept in (both[:32], older):
        places.key.write_bytes(kept)
        with pytest.raises(KeyRingError, match="key-encryption key"):
            places.open()
    places.key.write_bytes(both)
    places.open().close()


def test_a_key_that_lives_elsewhere_is_renewed_there(world: World) -> None:
    authority = Authority(runtime=world.runtime, settings=Settings(), registry=load_registry(), name="faults")
    for call in (authority.rewrap, authority.drop_older_keys):
        with pytest.raises(AssemblyError, match="where it lives"):
            call()


def test_a_tenant_is_halted_in_every_environment_in_one_call(places: Places) -> None:
    with places.create() as made:
        live, test = (made.create_tenant("acme", env, algorithm="Ed25519") for env in ("live", "test"))
        made.create_tenant("beta", algorithm="Ed25519")
        for tenant in (live, test):
            tenant.register_person(ANN, ANN_KEY.public_key)
            tenant.register_person(BOB, BOB_KEY.public_key)
        done = made.halt_tenant("acme", reason="stop", keys=[(ANN, ANN_KEY)])
        assert [halt.engaged for halt in done] == [True, True]
        assert made.tenant("beta").halts.standing() == ()
        asked = {env: made.tenant("acme", env).halts.digest("resume", HaltTarget("tenant"), "go on") for env in ("live", "test")}
        given = {env: [(ANN, ANN_KEY.sign(each)), (BOB, BOB_KEY.sign(each))] for env, each in asked.items()}
        assert [halt.engaged for halt in made.halt_tenant("acme", reason="go on", signatures=given, resume=True)] == [False, False]
        with pytest.raises(AssemblyError, match="no tenant"):
            made.halt_tenant("gamma", reason="stop", keys=[(ANN, ANN_KEY)])


def test_what_can_be_stopped_of_a_tenant_is_whatever_fails_elsewhere(places: Places) -> None:
    with places.create() as made:
        made.create_tenant("acme", "live", algorithm="Ed25519")
        made.create_tenant("acme", "test", algorithm="Ed25519").register_person(ANN, ANN_KEY.public_key)
        with pytest.raises(KeyRingError):
            made.halt_tenant("acme", reason="stop", keys=[(ANN, ANN_KEY)])
        assert made.tenant("acme", "live").halts.standing() == ()
        assert [halt.engaged for halt in made.tenant("acme", "test").halts.standing()] == [True]
