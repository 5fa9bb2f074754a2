"""Outside judge of the manifest's envelope: the DSSE protocol's own example (its encoding; we sign with Ed25519, it with P-256)."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from intended_core.audit.manifest import pae

VECTOR = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "audit" / "dsse-hello-world.json"


def test_the_example_of_the_protocol() -> None:
    if not VECTOR.exists():
        message = "the DSSE vector is not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    example = json.loads(VECTOR.read_text())
    message = pae(example["payloadType"], example["payload"].encode())
    assert message == example["pae"].encode()
    assert base64.b64decode(example["envelope"]["payload"]) == example["payload"].encode()
    raw = base64.b64decode(example["envelope"]["signatures"][0]["sig"])
    point = ec.EllipticCurvePublicNumbers(
        int(example["ecdsa_p256"]["x"]), int(example["ecdsa_p256"]["y"]), ec.SECP256R1()
    )
    signature = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point.public_key().verify(signature, message, ec.ECDSA(SHA256()))
