"""A key-encryption key in memory and a tenant's sealed signing key, for tests of the keys room."""

from __future__ import annotations

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.signing.local import LocalSigner
from intended_core.clock import SystemRandomness
from intended_core.ids import Scope
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.keys.ring import KeyRecord, KeyState, new_record, private_place
from intended_core.keys.sealing import Place, seal
from intended_core.ports import GeneratedKey
from tests.reference.token_world import SCOPE, pair

KEK = FileKeyEncryption(b"\x11" * 32)
OTHER_KEK = FileKeyEncryption(b"\x22" * 32)
SIGNER = LocalSigner()
RANDOMNESS = SystemRandomness()


class CountingRandomness:
    """Not random: tells apart every answer, and records the sizes asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def token_bytes(self, size: int) -> bytes:
        self.asked.append(size)
        return len(self.asked).to_bytes(size, "big")


def place(**changes: object) -> Place:
    """A place, with changes."""
    members: dict[str, object] = {"scope": SCOPE, "kind": "signing_key", "key": "row", "version": 1, "field": "private"}
    return Place(**(members | changes))  # type: ignore[arg-type]


def sealed_record(
    name: str = "main", algorithm: str = "RS256", scope: Scope = SCOPE, state: KeyState = KeyState.ACTIVE,
    private: GeneratedKey | None = None,
) -> KeyRecord:  # fmt: skip
    """The record of a named pair with its private key truly sealed; `private` swaps in another pair's private key."""
    key = pair(name, algorithm)
    kid = thumbprint(load_public(algorithm, key.public_der))
    blob = seal(kek=KEK, randomness=RANDOMNESS, place=private_place(scope, kid), plaintext=(private or key).private_der)
    return new_record(
        algorithm=algorithm, purpose="token", public_der=key.public_der, sealed_private=blob, now_us=1, state=state
    )
