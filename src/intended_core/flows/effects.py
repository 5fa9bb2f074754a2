"""The effects that flows yield, and the context they run in.

A flow is a generator: it yields one of these, receives the result, and returns its outcome. It does no I/O, reads no clock and makes
no randomness itself; so its order of effects is tested without a database, and a driver exists once for threads and once for
async programs (docs/adr/0003).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias, TypeVar

from intended_core.flows.heads import HeadMemory
from intended_core.ids import EntityRef, Scope
from intended_core.keys.ring import KeyRecord
from intended_core.keys.rowmac import RowMac
from intended_core.keys.sealing import Place
from intended_core.ports import Notification, Notifier, TimeAuthority, TimeVerifier, Witness
from intended_core.tokens.refusal_counts import RefusalCounts
from intended_core.unit import RowKey, RowKind, Unit

__all__ = [
    "AskTime",
    "AskWitness",
    "Commit",
    "Context",
    "Draw",
    "Effect",
    "Flow",
    "GenerateKey",
    "LoadEntities",
    "LoadState",
    "LoadTree",
    "Notify",
    "Now",
    "Random",
    "ReadHead",
    "ReadHeads",
    "ReadLeaves",
    "ReadRecords",
    "ReadRows",
    "Rewrap",
    "ScanRows",
    "Seal",
    "Settings",
    "Sign",
    "SignOnce",
    "Unseal",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bounds of one authority. Seconds unless the name says otherwise."""

    token_life_seconds: int = 60  # authority.md § 2: 60 s default, 300 s most
    leeway_seconds: int = 2  # clock skew between processes of one host; part of every time check
    flow_deadline_seconds: float = 5.0  # authority.md § 9
    call_deadline_seconds: float = 3.0  # authority.md § 9: one call of one adapter
    operator_deadline_seconds: float = (
        120.0  # activation compiles, creation makes keys: work that nobody's intent waits for
    )
    jwks_age_seconds: int = 300  # how long others keep a key set that they fetched (its max-age): part of a PREVIOUS key's time
    # pairs of an adapter and its detached register (authority.md § 2): its tokens are counted there, and nowhere else
    detached_registers: tuple[tuple[str, str], ...] = ()
    obligation_seconds: int = 86_400  # until when an obligation is due after the act, where it does not say so itself
    refusal_interval_seconds: int = 60  # refusals that can be laid at nobody's door: one record per reason in so long
    state_retries: int = 2  # a changed policy or entity version is re-evaluated at most twice, then Deny(conflict)

    def register_of(self, audience: str) -> str:
        """The one register that counts the tokens of an adapter."""
        for adapter, register in self.detached_registers:
            if adapter == audience:
                return register
        return "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every flow of one scope needs: the scope, its row MACs, the settings, who writes, the head as seen, counts of refusals."""

    scope: Scope
    mac: RowMac
    settings: Settings
    writer: str
    heads: HeadMemory = field(default_factory=HeadMemory, compare=False, repr=False)
    refusals: RefusalCounts = field(default_factory=RefusalCounts, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Now:
    """-> int: microseconds since 1970 UTC from the engine's clock."""


@dataclass(frozen=True, slots=True)
class Random:
    """-> bytes: that many from the engine's randomness."""

    size: int


@dataclass(frozen=True, slots=True)
class Draw:
    """-> tuple[int, bytes]: what Now and Random(size) answer, for the path of every request, in one effect."""

    size: int


@dataclass(frozen=True, slots=True)
class LoadState:
    """-> flows.cache.ScopeState: policy, keys and persons as authenticated at one guard version. `fresh` bypasses the cache."""

    scope: Scope
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class LoadEntities:
    """-> flows.cache.LoadedEntities: these references and all they reach, typed. `fresh` bypasses the cache."""

    scope: Scope
    refs: frozenset[EntityRef]
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class ReadRows:
    """-> Sequence[Row] as the store holds them, unauthenticated."""

    scope: Scope
    keys: tuple[RowKey, ...]


@dataclass(frozen=True, slots=True)
class ScanRows:
    """-> Sequence[Row] of a kind, unauthenticated."""

    scope: Scope
    kind: RowKind
    state: str | None = None


@dataclass(frozen=True, slots=True)
class ReadHead:
    """-> Head | None as last committed, unauthenticated."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class ReadHeads:
    """-> Sequence[tuple[Scope, Head]]: every scope's head as last committed, unauthenticated."""


@dataclass(frozen=True, slots=True)
class LoadTree:
    """-> audit.levels.Levels over at least the first `size` leaves of a scope, which have this authentic `root`."""

    scope: Scope
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class ReadLeaves:
    """-> Sequence[bytes]: leaf hashes of [start, stop)."""

    scope: Scope
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """-> Sequence[RecordRow]: records [start, stop) when `thread` is empty, else all of that thread."""

    scope: Scope
    start: int = 0
    stop: int = 0
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """-> Committed. `shielded`: the caller's cancellation waits until the outcome is known."""

    unit: Unit
    shielded: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """-> bytes: signature of `payload` by this key, not yet checked under the pinned public key."""

    scope: Scope
    key: KeyRecord
    payload: bytes


@dataclass(frozen=True, slots=True)
class SignOnce:
    """-> bytes: signature of `payload` by a key that lives in this process only and is stored nowhere."""

    algorithm: str
    private_der: bytes
    payload: bytes

    def __repr__(self) -> str:
        return f"SignOnce({self.algorithm!r}, <hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SignOnce holds a private key and is not pickled")


@dataclass(frozen=True, slots=True)
class AskWitness:
    """-> ports.WitnessAnswer: what this witness answers to an add-checkpoint request."""

    witness: Witness
    request: bytes


@dataclass(frozen=True, slots=True)
class AskTime:
    """-> tuple[bytes, ports.TimeStamp]: what this authority answers for `message`, and what `verifier` finds that it says."""

    authority: TimeAuthority
    verifier: TimeVerifier
    message: bytes


@dataclass(frozen=True, slots=True)
class Notify:
    """-> ports.NotificationReceipt: that this notifier has taken the notification."""

    notifier: Notifier
    notification: Notification


@dataclass(frozen=True, slots=True)
class GenerateKey:
    """-> ports.GeneratedKey."""

    algorithm: str


@dataclass(frozen=True, slots=True)
class Seal:
    """-> bytes: `plaintext` sealed to its place."""

    place: Place
    plaintext: bytes

    def __repr__(self) -> str:
        return f"Seal({self.place.kind}:{self.place.key})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Seal holds what is not sealed yet and is not pickled")


@dataclass(frozen=True, slots=True)
class Unseal:
    """-> SecretBytes: what `blob` was sealed from, at exactly this place."""

    place: Place
    blob: bytes

    def __repr__(self) -> str:
        return f"Unseal({self.place.kind}:{self.place.key})"


@dataclass(frozen=True, slots=True)
class Rewrap:
    """-> bytes: `blob` with its data key wrapped by the key-encryption key now current; the same bytes when it is already."""

    place: Place
    blob: bytes

    def __repr__(self) -> str:
        return f"Rewrap({self.place.kind}:{self.place.key})"


Effect: TypeAlias = (
    Now | Random | Draw | LoadState | LoadEntities | LoadTree | ReadRows | ScanRows | ReadHead | ReadHeads | ReadLeaves | ReadRecords
    | Commit | Sign | SignOnce | GenerateKey | Seal | Unseal | Rewrap | AskWitness | AskTime | Notify
)  # fmt: skip
Flow: TypeAlias = Generator[Effect, Any, T]
