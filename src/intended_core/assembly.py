"""Authority: puts the adapters together, makes and opens tenants. The embedded default needs one file and one key file.

`create` writes a new store and a new key-encryption key, once; `open` never creates either. Whatever is missing, edited or of another
version refuses to start with an AssemblyError, StoreError or KeyRingError that says what to do; so does an engine that does not deny what
is known to be denied (`engine.canary`).
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from intended_core.audit.log import LogHead
from intended_core.audit.tree import root_of
from intended_core.authority import TenantAuthority
from intended_core.clock import Clock, Randomness, SystemClock, SystemRandomness
from intended_core.config import checked_name, checked_settings
from intended_core.desks.anchor import AnchorDesk, House
from intended_core.desks.halts import Halt, Keys, Signatures, everywhere
from intended_core.engine.canary import check_engine
from intended_core.errors import (
    AdapterError,
    AssemblyError,
    IntendedError,
    KeyRingError,
    StoreConflictError,
    StoreCorruptError,
    StoreError,
    UnitRefusedError,
)
from intended_core.flows.anchor import ANCHOR_SCOPE, found_anchor, seated, take_slot
from intended_core.flows.answers import accept
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.closing import ClosedTenant
from intended_core.flows.effects import Context, Random, Settings
from intended_core.flows.keeper import HeadKeeper
from intended_core.flows.refusals import record_counts
from intended_core.flows.rewrap import Rewrapped
from intended_core.flows.rollback import Evidence, compare, suspect
from intended_core.flows.runtime import Runtime, drive
from intended_core.flows.tenant import MAC_SECRET, found, mac_place
from intended_core.ids import Scope, environment, tenant_name
from intended_core.keys.jwks import ALGORITHMS
from intended_core.keys.loaded import SigningKeys
from intended_core.keys.rowmac import RowMac
from intended_core.keys.sealing import open_sealed
from intended_core.loader.registry import Registry, load_registry
from intended_core.ports import (
    EntityProvider,
    HeadMark,
    KeyEncryption,
    RenewableKeyEncryption,
    Signer,
    Storage,
    StorageInfo,
)
from intended_core.unit import RowKey

__all__ = ["Authority", "ClosedTenant"]

MAC_BYTES = 32


class Authority:
    """All tenants of one store. Thread-safe; a context manager that closes the store.

    Made by `create` (new store, new key-encryption key) and `open` (both must exist).
    """

    __slots__ = ("_anchor", "_lock", "_name", "_registry", "_runtime", "_settings", "_tenants", "_writer")

    def __init__(self, *, runtime: Runtime, settings: Settings, registry: Registry, name: str) -> None:
        self._runtime = runtime
        self._settings = settings
        self._registry = registry
        self._name = checked_name(name)
        self._writer = f"pid{os.getpid()}"
        self._lock = threading.Lock()
        self._tenants: dict[tuple[str, str], TenantAuthority] = {}
        self._anchor: AnchorDesk | None = None

    def __repr__(self) -> str:
        return f"Authority({self._name!r})"

    @classmethod
    def create(
        cls,
        store: str | os.PathLike[str],
        *,
        key_file: str | os.PathLike[str],
        name: str = "intended.local",
        settings: Settings | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        entities: EntityProvider | None = None,
        durability: str = "full",
        mark_file: str | os.PathLike[str] | None = None,
    ) -> Authority:
        """A new authority: `store` and `key_file` must not exist yet.

        `key_file` is the key-encryption key: 32 random bytes, mode 0600, to be kept and backed up apart from the store; it may not lie in
        the store's directory. `name`: the authority's own name, in tokens (`iss`) and log origins. `durability`: "full", or "normal",
        which may lose the last commits when the power fails. `mark_file`: where the newest head of each log is noted, so that a store that
        is put back to an older state is noticed; default: beside the key file, its name and `.heads`; not in the store's directory either.
        """
        registry = load_registry()
        place = _mark_of(Path(store), Path(key_file), mark_file)
        kek = registry.create("key_encryption", "file", path=os.fspath(key_file), new=True)
        mark = registry.create("head_mark", "file", path=os.fspath(place), new=True)
        storage = registry.create("storage", "sqlite", path=os.fspath(store), new=True, durability=durability)
        return cls._assemble(registry, storage, kek, name, settings, clock, randomness, entities, mark)

    @classmethod
    def open(
        cls,
        store: str | os.PathLike[str],
        *,
        key_file: str | os.PathLike[str],
        name: str = "intended.local",
        settings: Settings | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        entities: EntityProvider | None = None,
        durability: str = "full",
        mark_file: str | os.PathLike[str] | None = None,
    ) -> Authority:
        """The authority in an existing store; never creates anything. Every tenant's head, keys and log are checked first.

        A store that stands before its mark (`mark_file`, as for `create`), or that has none, opens all the same, and grants nothing until
        two persons have recovered it (`tenant.recovery`).
        """
        registry = load_registry()
        place = _mark_of(Path(store), Path(key_file), mark_file)
        kek = registry.create("key_encryption", "file", path=os.fspath(key_file), new=False)
        mark = registry.create("head_mark", "file", path=os.fspath(place))
        storage = registry.create("storage", "sqlite", path=os.fspath(store), new=False, durability=durability)
        made = cls._assemble(registry, storage, kek, name, settings, clock, randomness, entities, mark)
        try:
            for scope in made.tenants():
                tenant = made._open(scope)
                made._check_log(tenant, compared=True)
                with suppress(IntendedError):  # tiles decide nothing, and the next epoch lays them
                    tenant.tiles.lay()
            for tenant in made._all_sealed():
                made._check_seals(tenant)
        except BaseException:
            made.close()
            raise
        return made

    @classmethod
    def _assemble(
        cls,
        registry: Registry,
        storage: object,
        kek: object,
        name: str,
        settings: Settings | None,
        clock: Clock | None,
        randomness: Randomness | None,
        entities: EntityProvider | None,
        mark: object,
    ) -> Authority:
        check_engine()
        store: Storage = storage  # type: ignore[assignment]
        encryption: KeyEncryption = kek  # type: ignore[assignment]
        signer: Signer = registry.create("signer", "local")  # type: ignore[assignment]
        heads: HeadMark = mark  # type: ignore[assignment]
        store.probe()
        time = clock or SystemClock()
        runtime = Runtime(
            storage=store, signer=signer, kek=encryption, clock=time, randomness=randomness or SystemRandomness(),
            states=StateCache(store, monotonic=time.monotonic), entities=EntityCache(store),
            keys=SigningKeys(kek=encryption, signer=signer), provider=entities, keeper=HeadKeeper(heads),
        )  # fmt: skip
        return cls(runtime=runtime, settings=checked_settings(settings or Settings()), registry=registry, name=name)

    # -- tenants -----------------------------------------------------------------------------------------------------

    def tenants(self) -> Sequence[Scope]:
        """Every tenant and environment in the store."""
        return tuple(scope for scope in self._runtime.storage.tenants() if scope != ANCHOR_SCOPE)

    # -- the anchor log ----------------------------------------------------------------------------------------------

    @property
    def anchor(self) -> AnchorDesk:
        """Epochs over all tenants: sealed, cosigned, proved and exported here."""
        with self._lock:
            if self._anchor is None:
                driver = TenantAuthority(runtime=self._runtime, context=self._anchor_context())
                holder = self._random(16).hex()
                house = House(scopes=self.tenants, tenant=self._handle)
                self._anchor = AnchorDesk(context=driver.context, driver=driver, house=house, holder=holder)
            return self._anchor

    def _handle(self, scope: Scope) -> TenantAuthority:
        return self.tenant(scope.tenant, scope.environment)

    def _anchor_context(self) -> Context:
        """The anchor log's context; the log is opened when the store has none yet."""
        storage = self._runtime.storage
        if storage.head(ANCHOR_SCOPE) is None:
            secret = self._random(MAC_BYTES)
            context = self._context(ANCHOR_SCOPE, RowMac(secret))
            try:
                storage.create_scope(ANCHOR_SCOPE)
                flow = found_anchor(context, issuer=self._name, secret=secret)
                drive(self._runtime, context, flow, seconds=self._settings.operator_deadline_seconds)
                return context
            except (StoreConflictError, UnitRefusedError, StoreError):
                if storage.head(ANCHOR_SCOPE) is None:
                    raise
        return self._opened(ANCHOR_SCOPE)

    def create_tenant(self, name: str, env: str = "live", *, algorithm: str = "RS256") -> TenantAuthority:
        """A new tenant environment with its own keys and log; `algorithm` (RS256, PS256, ES256 or Ed25519) signs its tokens.

        Raises IntentError for a bad name, StoreError when it is taken."""
        wanted, in_env = tenant_name(name), environment(env)
        if algorithm not in ALGORITHMS:
            raise AssemblyError(f"the algorithm of a tenant's tokens is one of {', '.join(sorted(ALGORITHMS))}")
        known = {(scope.tenant, scope.environment): scope for scope in self.tenants()}
        if (wanted, in_env) in known:
            raise AssemblyError(f"tenant {name} exists already in {env}; use authority.tenant({name!r}, {env!r})")
        same = [scope.uuid for scope in self.tenants() if scope.tenant == wanted]
        identity = same[0] if same else uuid.UUID(bytes=self._random(16), version=4).hex
        scope = Scope(tenant=wanted, uuid=identity, environment=in_env)
        secret = self._random(MAC_BYTES)
        self._runtime.storage.create_scope(scope)
        context = self._context(scope, RowMac(secret))
        origin = f"{self._name}/{scope.uuid}/{scope.environment}"
        anchor = self.anchor.context
        slot = drive(self._runtime, anchor, take_slot(anchor, scope))
        flow = found(context, origin=origin, issuer=self._name, secret=secret, algorithm=algorithm, slot=slot)
        drive(self._runtime, context, flow, seconds=self._settings.operator_deadline_seconds)
        return self._keep(TenantAuthority(runtime=self._runtime, context=context))

    def tenant(self, name: str, env: str = "live") -> TenantAuthority:
        """The handle of an existing tenant environment. Raises AssemblyError when there is none."""
        key = (tenant_name(name), environment(env))
        with self._lock:
            known = self._tenants.get(key)
        if known is not None:
            return known
        for scope in self.tenants():
            if (scope.tenant, scope.environment) == key:
                return self._open(scope)
        raise AssemblyError(
            f"there is no tenant {name} in {env}; make it with authority.create_tenant({name!r}, {env!r})"
        )

    def _open(self, scope: Scope) -> TenantAuthority:
        return self._keep(TenantAuthority(runtime=self._runtime, context=self._opened(scope)))

    def _opened(self, scope: Scope) -> Context:
        rows = self._runtime.storage.read(scope, [RowKey("secret", MAC_SECRET)])
        if len(rows) != 1:
            raise StoreCorruptError(
                f"the row-tag secret of {scope.tenant}/{scope.environment} is gone; restore the store"
            )
        try:
            secret = open_sealed(kek=self._runtime.kek, place=mac_place(scope), blob=rows[0].body)
        except KeyRingError:
            raise KeyRingError(
                "the key-encryption key does not open this store: give the key file that was made with it"
            ) from None
        context = self._context(scope, RowMac(secret))
        context.mac.check(scope, rows[0])
        return context

    def _random(self, size: int) -> bytes:
        data: bytes = accept(Random(size), self._runtime.randomness.token_bytes(size))
        return data

    def _context(self, scope: Scope, mac: RowMac) -> Context:
        return Context(scope=scope, mac=mac, settings=self._settings, writer=self._writer)

    def _keep(self, tenant: TenantAuthority) -> TenantAuthority:
        with self._lock:
            return self._tenants.setdefault((tenant.scope.tenant, tenant.scope.environment), tenant)

    def _check_log(self, tenant: TenantAuthority, *, compared: bool = False) -> None:
        """Rebuild the frontier from the stored leaves and compare it with the authenticated head, and with the mark where `compared`."""
        head: LogHead = tenant.head()
        leaves = self._runtime.storage.leaves(tenant.scope, 0, head.size)
        extra = self._runtime.storage.leaves(tenant.scope, head.size, head.size + 1)
        # another process may append after the head was read; without that, a record beyond the head is one that nobody wrote
        surplus = bool(extra) and tenant.head().size <= head.size
        if len(leaves) != head.size or surplus or root_of(leaves) != head.frontier.root():
            raise StoreCorruptError(
                f"the log of {tenant.scope.tenant}/{tenant.scope.environment} is not the one its head names: "
                "records were changed, cut or added; run `intended audit verify`"
            )
        if compared and self._runtime.keeper is not None:
            self._compare(tenant, self._runtime.keeper.mark, head, leaves)

    def _compare(self, tenant: TenantAuthority, mark: HeadMark, head: LogHead, leaves: Sequence[bytes]) -> None:
        """Ask the second place whether the log once stood further. Where it did, nothing is granted any more."""
        try:
            note = mark.newest(tenant.scope)
            evidence = None if note is None else compare(tenant.context, note, head, leaves)
            if note is None and not mark.exists():
                evidence = Evidence(kind="mark_missing")
        except AdapterError:
            evidence = Evidence(kind="mark_edited")
        if evidence is not None and not head.rolled_back:
            with suppress(StoreError):  # this process refuses all the same
                tenant.operate(suspect(tenant.context, evidence))

    def _check_seals(self, tenant: TenantAuthority) -> None:
        """Refuse to start without a key-encryption key that sealed rows name."""
        missing = set(tenant.keyring.sealed_under()) - set(self._runtime.kek.kek_ids)
        if missing:
            raise KeyRingError(
                f"sealed rows of {tenant.scope.tenant}/{tenant.scope.environment} name the key-encryption key {min(missing)}, which is not "
                "in the key file: put back the key file that has it"
            )

    def halt_tenant(
        self, name: str, *, reason: str, keys: Keys = (), signatures: Mapping[str, Signatures] | None = None, resume: bool = False
    ) -> tuple[Halt, ...]:
        """Stop a tenant (or with `resume` let it go on) in every environment, each tried before any error is raised; as `tenant.halts`.

        `signatures` made elsewhere: by environment, over `tenant(name, env).halts.digest("engage", HaltTarget("tenant"), reason)`.
        """
        desks = [self._handle(scope).halts for scope in self.tenants() if scope.tenant == tenant_name(name)]
        if not desks:
            raise AssemblyError(f"there is no tenant {name}")
        return everywhere(desks, "resume" if resume else "engage", reason=reason, keys=keys, signatures=signatures or {})

    def close_tenant(self, name: str, env: str = "live", *, reason: str, keys: Keys = (), signatures: Signatures = ()) -> ClosedTenant:
        """End a tenant environment for good, as its `closing` desk has it signed; its slot becomes a tombstone. Raises as the desk."""
        closed = self.tenant(name, env).closing.close(reason=reason, keys=keys, signatures=signatures)
        self.anchor.bury(self.tenant(name, env).scope)
        return closed

    # -- operations --------------------------------------------------------------------------------------------------

    def info(self) -> StorageInfo:
        """The store's own account of itself, for `doctor`."""
        return self._runtime.storage.info()

    @property
    def mark_failure(self) -> str:
        """Why the newest heads could not be noted in the second place, "" where they were; it is tried again and stops nothing."""
        return "" if self._runtime.keeper is None else self._runtime.keeper.failed

    def probe(self) -> None:
        """Raise unless the store answers as configured and every tenant's log matches its head."""
        self._runtime.storage.probe()
        for scope in self.tenants():
            self._check_log(self.tenant(scope.tenant, scope.environment))
        if self._runtime.keeper is not None and (gone := self._gone(self._runtime.keeper.mark)):
            raise StoreCorruptError(f"a log that was here is gone from the store: {', '.join(gone)}; restore the store, and keep this one")

    def _gone(self, mark: HeadMark) -> list[str]:
        """The logs whose heads were noted in the second place and that the store has no head of."""
        if self._runtime.storage.head(ANCHOR_SCOPE) is None:
            return [] if mark.newest(ANCHOR_SCOPE) is None else ["that of the epochs, and with it all that it names"]
        anchor, here = self._opened(ANCHOR_SCOPE), {scope.key for scope in self.tenants()}
        known = drive(self._runtime, anchor, seated(anchor))
        return [scope.key for scope in known if scope.key not in here and mark.newest(scope) is not None]

    def rewrap(self, *, progress: Callable[[Scope, Rewrapped], None] | None = None) -> str:
        """Carry every seal of every tenant to a fresh key-encryption key, or go on with a run that stopped; returns the key's id.

        A fresh key is taken only where every row stands under the current one. The older key stays in the key file, so every row opens
        at every moment, in this process and in others, and so do backups made before; `drop_older_keys` removes it. `progress` is told
        after each step. Raises KeyRingError, AssemblyError, StoreError.
        """
        kek = self._runtime.kek
        tenants = self._all_sealed()
        if all(set(tenant.keyring.sealed_under()) == {kek.kek_ids[0]} for tenant in tenants):
            self._renewable().renew()
        current = kek.kek_ids[0]
        for tenant in tenants:
            scope = tenant.scope
            tenant.keyring.rewrap(current, progress=None if progress is None else lambda step, at=scope: progress(at, step))  # type: ignore[misc]
        return current

    def drop_older_keys(self) -> Sequence[str]:
        """Remove every key-encryption key but the current one from the key file; returns their ids. Older backups open no more.

        Raises KeyRingError while any row of any tenant still names one of them: finish `rewrap` first.
        """
        current = self._runtime.kek.kek_ids[0]
        for tenant in self._all_sealed():
            if set(tenant.keyring.sealed_under()) != {current}:
                where = f"{tenant.scope.tenant}/{tenant.scope.environment}"
                raise KeyRingError(f"rows of {where} stand under an older key: run `intended keys rewrap` first")
        return self._renewable().drop_older()

    def _all_sealed(self) -> list[TenantAuthority]:
        """Every scope that has sealed rows: the tenants, and the anchor log where there is one."""
        return [
            TenantAuthority(runtime=self._runtime, context=self.anchor.context)
            if scope == ANCHOR_SCOPE
            else self.tenant(scope.tenant, scope.environment)
            for scope in self._runtime.storage.tenants()
        ]

    def _renewable(self) -> RenewableKeyEncryption:
        kek = self._runtime.kek
        if not isinstance(kek, RenewableKeyEncryption):
            raise AssemblyError("this key-encryption key is renewed where it lives; make it current there, then run this again")
        return kek

    def close(self) -> None:
        """Record what is counted, note the newest heads and close the store. Handles of this authority are of no use afterwards."""
        with self._lock:
            tenants = tuple(self._tenants.values())
        for tenant in tenants:
            if tenant.context.refusals.pending:
                tenant.operate(record_counts(tenant.context))
        if self._runtime.keeper is not None:
            self._runtime.keeper.close()
        self._runtime.storage.close()

    def __enter__(self) -> Authority:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _mark_of(store: Path, key_file: Path, mark_file: str | os.PathLike[str] | None) -> Path:
    """Where the newest heads are noted; raises AssemblyError when key or mark would lie beside the store."""
    _check_places(store, key_file)
    mark = key_file.with_name(f"{key_file.name}.heads") if mark_file is None else Path(mark_file)
    if mark.absolute().parent == store.absolute().parent:
        raise AssemblyError(
            f"the mark of the newest heads may not lie beside the store ({mark.absolute().parent}): it would be put back with it"
        )
    return mark


def _check_places(store: Path, key_file: Path) -> None:
    if store.absolute().parent == key_file.absolute().parent:
        raise AssemblyError(
            f"the key file may not lie beside the store ({store.absolute().parent}): a copy of that directory would hold both"
        )
