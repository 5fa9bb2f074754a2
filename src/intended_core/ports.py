"""Ports: the Protocols that adapters implement, in bytes and ids. The core verifies whatever comes back through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, Protocol, runtime_checkable

from intended_core.entities import EntitySnapshot
from intended_core.ids import EntityRef, Scope
from intended_core.unit import Committed, Head, RecordRow, Row, RowKey, RowKind, Unit

__all__ = [
    "API_VERSION",
    "ROW_KINDS",
    "Consumed",
    "EntityProvider",
    "GeneratedKey",
    "HeadMark",
    "HeadNote",
    "Journal",
    "KeyEncryption",
    "Notification",
    "NotificationReceipt",
    "Notifier",
    "Register",
    "RenewableKeyEncryption",
    "Server",
    "Signer",
    "SigningKey",
    "Storage",
    "StorageInfo",
    "TimeAnswer",
    "TimeAuthority",
    "TimeStamp",
    "TimeVerifier",
    "Transport",
    "Witness",
    "WitnessAnswer",
]

Consumed = Literal["consumed", "spent"]
API_VERSION: Final = "1.0"
ROW_KINDS: Final[tuple[RowKind, ...]] = (
    "secret", "signing_key", "policy", "entity", "person", "nonce", "approval", "halt", "snapshot", "meter",
    "anchor", "slot", "epoch", "outbox", "draft", "tile",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageInfo:
    """What `doctor` shows: the adapter's name, where the store is, its format, and settings as read back from the database."""

    adapter: str
    location: str
    format_version: str
    settings: tuple[tuple[str, str], ...]


class Storage(Protocol):
    """Keeps rows, records and heads. One mutating call. Failures are `errors.StoreError`s and change nothing."""

    def tenants(self) -> Sequence[Scope]:
        """Every scope that has a head, by name and environment."""

    def create_scope(self, scope: Scope) -> None:
        """Make room for a scope without a head; StoreConflictError when name or uuid are taken in that environment."""

    def commit(self, unit: Unit) -> Committed:
        """Run one unit in one durable write transaction (see `unit`)."""

    def head(self, scope: Scope) -> Head | None:
        """The head as last committed, without a lock."""

    def heads(self) -> Sequence[tuple[Scope, Head]]:
        """Every scope that has a head, with it, in one snapshot; ordered as `tenants`."""

    def read(self, scope: Scope, keys: Sequence[RowKey]) -> Sequence[Row]:
        """The rows that exist among `keys`, in one snapshot."""

    def scan(self, scope: Scope, kind: RowKind, *, state: str | None = None) -> Sequence[Row]:
        """Every row of a kind, by key; optionally only those in `state`."""

    def records(self, scope: Scope, *, start: int = 0, stop: int | None = None) -> Iterator[RecordRow]:
        """Records start <= seq < stop in order, streamed."""

    def thread(self, scope: Scope, thread: str) -> Sequence[RecordRow]:
        """The records of one thread, by seq."""

    def leaves(self, scope: Scope, start: int, stop: int) -> Sequence[bytes]:
        """Leaf hashes of start <= seq < stop."""

    def info(self) -> StorageInfo: ...

    def probe(self) -> None:
        """Raise StoreError unless the store is usable, of a known format and durable as configured."""

    def close(self) -> None: ...


class EntityProvider(Protocol):
    """Where entities come from. The answer holds every asked entity that exists, closed under parents."""

    def snapshot(self, scope: Scope, refs: frozenset[EntityRef]) -> EntitySnapshot: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedKey:
    """A fresh key pair: PKCS#8 DER to be sealed at once, and SubjectPublicKeyInfo DER."""

    private_der: bytes
    public_der: bytes

    def __repr__(self) -> str:
        return "GeneratedKey(<sealed>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a GeneratedKey holds a private key and is not pickled")


class Signer(Protocol):
    """Signs with keys that it loads from unsealed DER. The core checks every signature under the pinned public key."""

    def generate(self, algorithm: str) -> GeneratedKey:
        """A key pair for `RS256` or `PS256` (RSA-2048, e = 65537), `ES256` (P-256) or `Ed25519`; a signer may know `ML-DSA-44` too."""

    def load(self, algorithm: str, private_der: bytes) -> SigningKey:
        """A ready key. `private_der` was authenticated by the sealing room."""


class SigningKey(Protocol):
    """A loaded private key."""

    def sign(self, payload: bytes) -> bytes:
        """The signature; KeyGoneError when the key is not here any more, so that the one ACTIVE now is asked."""
        ...


class KeyEncryption(Protocol):
    """Wraps data keys under a key-encryption key that never leaves the adapter. AAD binds each blob to its place."""

    @property
    def kek_id(self) -> str:
        """Names the key-encryption key that wraps from now on; stands in every sealed record."""

    @property
    def kek_ids(self) -> Sequence[str]:
        """Every key-encryption key that `unwrap` knows, the one that wraps first."""

    def wrap(self, data_key: bytes, aad: bytes) -> bytes: ...

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
        """Exactly the KEK named is tried; KeyRingError when it is not here or the blob does not open."""


@runtime_checkable
class RenewableKeyEncryption(Protocol):
    """A `KeyEncryption` that can take a fresh key itself; others are renewed where they live (a KMS, an HSM)."""

    def renew(self) -> str:
        """Add a fresh key, which wraps from now on, durably; what was wrapped before still opens. Returns its id."""

    def drop_older(self) -> Sequence[str]:
        """Forget every key but the one that wraps, durably; returns the ids that open nothing any more."""


class Register(Protocol):
    """Counts nonces, once each, across processes and restarts."""

    @property
    def name(self) -> str:
        """The `reg` of the tokens that it counts."""
        ...

    @property
    def detached(self) -> bool:
        """Whether it is apart from the authority's ledger, so that the redeemer keeps the journal."""
        ...

    def consume(
        self, jti: str, keep_seconds: int, *, token: str, call: bytes, attempt: str, proof: object
    ) -> Consumed:
        """`consumed` for exactly one caller ever; `spent` for every other. Durable before it answers; raises whatever is not an answer.

        `keep_seconds`: how long the mark is kept at least. The rest is for a register that asks somebody else.
        """
        ...


class Journal(Protocol):
    """Where a detached redemption is recorded between consume and act."""

    def record(self, entry: bytes) -> None:
        """Keep canonical JSON, durably; raises when it is not kept, and then nothing is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadNote:
    """Where a log stood, as something outside the store remembers it. `root`: 32 bytes, at `size` records. `tag`: the core's, over all."""

    generation: int
    size: int
    root: bytes
    tag: bytes


class HeadMark(Protocol):
    """Remembers the newest head of each log in another place than the store and its backups. It never goes back.

    A note may lag behind the store; one that is ahead of it says that the store was rolled back. Failures are `errors.AdapterError`s.
    """

    def exists(self) -> bool:
        """Whether anything was ever noted here."""
        ...

    def newest(self, scope: Scope) -> HeadNote | None:
        """The newest note of a scope, or None where there is none."""
        ...

    def advance(self, notes: Sequence[tuple[Scope, HeadNote]]) -> None:
        """Note these heads, each only where (generation, size) is larger than what stands; durable when this returns."""
        ...


@runtime_checkable
class Transport(Protocol):
    """Carries a call from the redeemer to the real system. The in-process transport calls a Python function."""

    def invoke(self, action: str, arguments: dict[str, object]) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAnswer:
    """What a witness answered over HTTP: status and body, nothing of it believed yet."""

    status: int
    body: bytes


class Witness(Protocol):
    """Somebody outside who cosigns checkpoints (C2SP tlog-witness). The core verifies whatever comes back."""

    def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Submit one request; AdapterError when there is no answer in time, or one of more than 64 KiB."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAnswer:
    """What a time-stamping authority answered (RFC 3161 TimeStampResp, DER), nothing of it believed yet, and the nonce of the request."""

    response: bytes
    nonce: int


class TimeAuthority(Protocol):
    """Somebody outside who signs that they have seen a message at a time (RFC 3161). What comes back is verified before it is used."""

    def stamp(self, message: bytes) -> TimeAnswer:
        """Ask for a token over `message`; AdapterError when there is no answer in time, or one of more than 32 KiB."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStamp:
    """When an authority signed. `time_us`: microseconds since 1970 UTC; `accuracy_us`: how far off that may be."""

    time_us: int
    accuracy_us: int
    authority: str
    serial: str


class TimeVerifier(Protocol):
    """Verifies tokens of one time-stamping authority under certificates that the reader pinned."""

    @property
    def name(self) -> str:
        """Names the authority, from the pinned certificates."""
        ...

    def verify(self, response: bytes, message: bytes, nonce: int | None = None) -> TimeStamp:
        """When the authority signed for `message`; AuditError `time.…` for everything else. `nonce`: the one that was asked with."""
        ...


class Server(Protocol):
    """Something that answers over HTTP until it is interrupted: a witness, a log's tiles."""

    def serve(self, *, host: str, port: int) -> None:
        """Serve until interrupted; AssemblyError when it cannot begin."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Something to look at. `id` stays the same when it is told again; `kind` such as `approval.requested`; `data`: canonical JSON, without
    arguments of an intent and without secrets. `at_us`: when it happened, microseconds.
    """

    id: str
    kind: str
    at_us: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationReceipt:
    """That a notifier has taken a notification. `status`: what the other side answered, 0 where nobody answers. It proves nothing."""

    status: int


class Notifier(Protocol):
    """Tells people outside. It carries no authority: whatever it answers, nothing is granted, and nothing waits for it."""

    def send(self, notification: Notification) -> NotificationReceipt:
        """Tell it once; AdapterError when it was not taken, or not in time: it is told again later."""
        ...
