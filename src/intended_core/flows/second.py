"""second: the anchor log's other key. With it every checkpoint carries a signature that does not fall with elliptic curves.

The signature is a C2SP cosignature of type 0x06 (ML-DSA-44) under the log's own name, at time 0: of a time only the epochs and witnesses
speak. The key is made once, when an operator asks for it, and sealed as every secret is; from then on no checkpoint is published without
its line. Where the libraries do not know the algorithm no key is made, and where there is one nothing is published.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from intended_core.audit.checkpoint import checkpoint_text
from intended_core.audit.cosignature import ML_DSA_44, CosignerKey, cosign, cosigned_message
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.again import standing_rows
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import (
    Context,
    Flow,
    GenerateKey,
    LoadState,
    Now,
    Seal,
    SignOnce,
    Unseal,
)
from intended_core.flows.evidence import authentic_head
from intended_core.flows.rotate import MAX_LOOKS, write_guards
from intended_core.flows.secretrows import SecretRow, secret_key, secret_place
from intended_core.flows.steps import GUARDS_MOVED
from intended_core.keys.hidden import SecretBytes
from intended_core.ports import GeneratedKey
from intended_core.unit import Row, Write

__all__ = ["make_second", "second_key", "second_line"]

ALGORITHM: Final = "ML-DSA-44"
_OWNER: Final = "anchor"
_NAME: Final = "ml-dsa-44"
_KEY: Final = secret_key(_OWNER, _NAME)
_PUBLIC_BYTES: Final = 1312  # FIPS 204 table 2; they end the SubjectPublicKeyInfo (RFC 9881 § 4)
_MAX_BYTES: Final = 16 * 1024


def make_second(context: Context) -> Flow[CosignerKey]:
    """Make and seal the ML-DSA-44 key of the anchor log, to be named in policy files; the one that is there when it is.

    Raises KeyRingError where the signer does not make such keys, AuditError `audit.unsupported` where the libraries do not know them.
    """
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        known = yield from second_key(context)
        if known is not None:
            return known
        made: GeneratedKey = yield GenerateKey(ALGORITHM)
        head = yield from authentic_head(context)
        key = CosignerKey(head.origin, ML_DSA_44, made.public_der[-_PUBLIC_BYTES:])
        text = checkpoint_text(origin=head.origin, size=head.size, root=head.frontier.root())
        signature: bytes = yield SignOnce(ALGORITHM, made.private_der, cosigned_message(key, text, 0))
        _line(key, text, signature)  # whether it signs, and under this very key, is seen before anything rests on it
        now_us: int = yield Now()
        row = SecretRow(adapter=_OWNER, name=_NAME, sealing=1, sealed=b"", created_us=now_us, changed_us=now_us)
        plain: dict[str, Json] = {"private": b64url(made.private_der), "public": b64url(key.public)}
        sealed: bytes = yield Seal(secret_place(context.scope, row), SecretBytes(canonical_json(plain)))
        stored = context.mac.seal_row(context.scope, _KEY.kind, _KEY.key, 1, "STORED", replace(row, sealed=sealed).to_body())
        try:
            yield from write_guards(context, state, [Write(stored, 0)], None, now_us)
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
        else:
            return key
    raise UnitRefusedError("conflict", "keys kept changing; try again")


def second_key(context: Context) -> Flow[CosignerKey | None]:
    """The log's ML-DSA-44 key as verifiers name it; None where none was made. Raises StoreCorruptError when its row was taken away."""
    found = yield from _opened(context)
    return None if found is None else found[0]


def second_line(context: Context, text: bytes) -> Flow[bytes]:
    """The line over the checkpoint's `text` that stands beside the Ed25519 one; no bytes where no key was made.

    Raises AuditError `audit.unsupported` where the installed libraries do not know ML-DSA-44.
    """
    found = yield from _opened(context)
    if found is None:
        return b""
    key, private = found
    signature: bytes = yield SignOnce(ALGORITHM, private, cosigned_message(key, text, 0))
    return _line(key, text, signature)


def _line(key: CosignerKey, text: bytes, signature: bytes) -> bytes:
    return cosign(text, key=key, time_s=0, sign=lambda _: signature)


def _opened(context: Context) -> Flow[tuple[CosignerKey, bytes] | None]:
    row = yield from _standing(context)
    if row is None:
        return None
    secret = SecretRow.from_row(row)
    if secret.sealed is None:
        raise StoreCorruptError("the anchor log's second key is not sealed in its row")
    plain: SecretBytes = yield Unseal(secret_place(context.scope, secret), secret.sealed)
    head = yield from authentic_head(context)
    try:
        value = parse_canonical(bytes(plain), max_bytes=_MAX_BYTES)
        if not isinstance(value, dict) or value.keys() != {"private", "public"}:
            raise StoreCorruptError("the anchor log's second key is damaged")
        key = CosignerKey(head.origin, ML_DSA_44, unb64url(str(value["public"])))
        return key, SecretBytes(unb64url(str(value["private"])))
    except IntentError:
        raise StoreCorruptError("the anchor log's second key is damaged") from None


def _standing(context: Context) -> Flow[Row | None]:
    """The key's row as the guards' roster names it, so that it is neither taken away nor put back unseen."""
    rows = yield from standing_rows(context, "secret", what="keys")
    return next((row for row in rows if row.key == _KEY.key), None)
