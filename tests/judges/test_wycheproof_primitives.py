"""Project Wycheproof judges the primitive calls of the keys room: RS256, PS256, ES256, Ed25519, AES-256-GCM and HMAC-SHA-256."""

from __future__ import annotations

import hmac
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from intended_adapters.signing.local import LocalSigner
from intended_core.errors import KeyRingError
from intended_core.keys.jwks import ed25519_public, load_public

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "wycheproof"


@cache
def groups(name: str) -> list[dict[str, Any]]:
    path = VECTORS / name
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the vectors are required in CI: {name}")
        pytest.skip(f"the vectors are not beside this checkout: {name}")
    found: list[dict[str, Any]] = json.loads(path.read_text())["testGroups"]
    return found


def holds(check: Any, *args: bytes) -> bool:
    try:
        check(*args)
    except KeyRingError:
        return False
    return True


def test_rs256_verification() -> None:
    judged = refused_keys = 0
    for group in groups("rsa_signature_2048_sha256_test.json"):
        der = bytes.fromhex(group["publicKeyDer"])
        exponent = int(group["publicKey"]["publicExponent"], 16)
        spelling = load_der_public_key(der).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if exponent != 65537:
            with pytest.raises(KeyRingError):
                load_public("RS256", spelling)
            refused_keys += len(group["tests"])
            continue
        key = load_public("RS256", spelling)
        for test in group["tests"]:
            judged += 1
            answer = holds(key.verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
            # "acceptable" is a missing NULL in the digest's algorithm: not RFC 8017 § 9.2, so refused.
            assert answer == (test["result"] == "valid"), f"{test['tcId']}: {test['comment']}"
    assert judged + refused_keys == 259
    assert judged > 200


def test_rsa_3072_is_not_an_rs256_key_here() -> None:
    for group in groups("rsa_signature_3072_sha256_test.json"):
        with pytest.raises(KeyRingError):
            load_public("RS256", bytes.fromhex(group["publicKeyDer"]))


def test_rs256_signing_is_the_deterministic_one() -> None:
    judged = 0
    for group in groups("rsa_pkcs1_2048_sig_gen_test.json"):
        if group["sha"] != "SHA-256":
            continue
        key = LocalSigner().load("RS256", bytes.fromhex(group["privateKeyPkcs8"]))
        for test in group["tests"]:
            judged += 1
            assert key.sign(bytes.fromhex(test["msg"])).hex() == test["sig"], test["tcId"]
    assert judged > 0


def test_ps256_verification() -> None:
    (group,) = groups("rsa_pss_2048_sha256_mgf1_32_test.json")
    key = load_public("PS256", bytes.fromhex(group["publicKeyDer"]))
    for test in group["tests"]:
        answer = holds(key.verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
        assert answer == (test["result"] == "valid"), f"{test['tcId']}: {test['comment']}"
    assert len(group["tests"]) == 108


def test_es256_verification() -> None:
    judged = 0
    for group in groups("ecdsa_secp256r1_sha256_p1363_test.json"):
        key = load_public("ES256", bytes.fromhex(group["publicKeyDer"]))
        for test in group["tests"]:
            judged += 1
            answer = holds(key.verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
            assert answer == (test["result"] == "valid"), f"{test['tcId']}: {test['comment']}"
    assert judged == 262


def test_ed25519_verification() -> None:
    judged = 0
    for group in groups("ed25519_test.json"):
        try:
            key = ed25519_public(bytes.fromhex(group["publicKey"]["pk"]))
        except KeyRingError:
            assert all(test["result"] != "valid" for test in group["tests"])
            continue
        for test in group["tests"]:
            judged += 1
            answer = holds(key.verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
            assert answer == (test["result"] == "valid"), f"{test['tcId']}: {test['comment']}"
    assert judged > 140


def test_aes_256_gcm() -> None:
    judged = 0
    for group in groups("aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue
        for test in group["tests"]:
            judged += 1
            nonce, aad, text, sealed = (bytes.fromhex(test[name]) for name in ("iv", "aad", "msg", "ct"))
            cipher, tag = AESGCM(bytes.fromhex(test["key"])), bytes.fromhex(test["tag"])
            if test["result"] == "valid":
                assert cipher.encrypt(nonce, text, aad) == sealed + tag, test["tcId"]
                assert cipher.decrypt(nonce, sealed + tag, aad) == text, test["tcId"]
            else:
                with pytest.raises(InvalidTag):
                    cipher.decrypt(nonce, sealed + tag, aad)
    assert judged > 50


def test_hmac_sha_256() -> None:
    judged = 0
    for group in groups("hmac_sha256_test.json"):
        if group["tagSize"] != 256:
            continue
        for test in group["tests"]:
            judged += 1
            tag = hmac.digest(bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]), "sha256")
            assert hmac.compare_digest(tag, bytes.fromhex(test["tag"])) == (test["result"] == "valid"), test["tcId"]
    assert judged > 0
