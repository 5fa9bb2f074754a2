"""No secret in repr, str, formatting, logs, tracebacks or pickles of anything that holds one."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.signing.local import LocalSigner
from intended_core.access.persons import LocalPersonKey
from intended_core.clock import SystemRandomness
from intended_core.errors import IntendedError
from intended_core.keys.loaded import SigningKeys, load_private
from intended_core.keys.rowmac import RowMac
from intended_core.tokens.codec import parse
from tests.reference.key_world import KEK, SIGNER, sealed_record
from tests.reference.token_world import SCOPE, issue, pair, redeemable

SEED = b"S3CRETS3CRETS3CRETS3CRETS3CRETS3"


class Fixed:
    def token_bytes(self, size: int) -> bytes:
        return SEED[:size]


def holders() -> dict[str, tuple[object, list[bytes]]]:
    token = issue()
    private = pair("main").private_der
    person = LocalPersonKey.generate(Fixed())
    signing_keys = SigningKeys(kek=KEK, signer=SIGNER)
    signing_keys.get(SCOPE, sealed_record())
    return {
        "SignedToken": (token, [token.text.encode(), token.text.rsplit(".", 1)[1].encode()]),
        "UnverifiedToken": (parse(token.text), [token.text.rsplit(".", 1)[1].encode()]),
        "LocalPersonKey": (person, [SEED, person.to_pem()]),
        "FileKeyEncryption": (FileKeyEncryption(SEED), [SEED, SEED.hex().encode()]),
        "RowMac": (RowMac(SEED), [SEED, SEED.hex().encode()]),
        "GeneratedKey": (pair("main"), [private, private.hex().encode()]),
        "LocalSigningKey": (LocalSigner().load("RS256", private), [private]),
        "LoadedKey": (load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=sealed_record()), [private]),
        "SigningKeys": (signing_keys, [private]),
        "KeyRecord": (sealed_record(), [private, sealed_record().sealed_private or b"?"]),
    }


NAMES = sorted(holders())


def leaks(text: str, secrets: list[bytes]) -> bool:
    shown = text.encode("utf-8", "replace")
    return any(secret in shown or repr(secret)[2:-1].encode() in shown for secret in secrets)


@pytest.mark.parametrize("name", NAMES)
def test_text_forms(name: str) -> None:
    holder, secrets = holders()[name]
    stream = io.StringIO()
    logger = logging.getLogger("intended.test-of-secrets")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    logger.error("%s %r %s", holder, holder, [holder])
    logger.removeHandler(handler)
    for text in (
        repr(holder),
        str(holder),
        f"{holder}",
        repr({"k": (holder,)}),
        stream.getvalue(),
    ):
        assert not leaks(text, secrets)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("GeneratedKey", "KeyRecord")])
@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_not_pickled(name: str, way: Callable[[object], object]) -> None:
    holder, _ = holders()[name]
    with pytest.raises(TypeError) as caught:
        way(holder)
    assert not leaks(str(caught.value), holders()[name][1])


@pytest.mark.parametrize("name", NAMES)
def test_no_open_attribute_dictionary(name: str) -> None:
    assert not hasattr(holders()[name][0], "__dict__")


def test_verified_tokens_are_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(redeemable(issue().text))


def failing() -> dict[str, Callable[[], object]]:
    secret = SEED.decode()
    return {
        "bad pem": lambda: LocalPersonKey.from_pem(
            b"-----BEGIN PRIVATE KEY-----\n" + SEED + b"\n-----END PRIVATE KEY-----\n"
        ),
        "bad password": lambda: LocalPersonKey.from_pem(
            LocalPersonKey.generate(SystemRandomness()).to_pem(password=b"right"), password=SEED
        ),
        "bad private key": lambda: LocalSigner().load("RS256", SEED),
        "bad kek": lambda: FileKeyEncryption(SEED[:31]),
        "bad data key": lambda: KEK.wrap(SEED[:31], b""),
        "bad mac key": lambda: RowMac(SEED[:31]),
        "bad token": lambda: redeemable(secret + "." + secret + "." + secret),
        "not a token": lambda: parse(secret),
    }


@pytest.mark.parametrize("name", sorted(failing()))
def test_errors_and_their_causes_do_not_show_what_they_were_given(name: str) -> None:
    with pytest.raises(IntendedError) as caught:
        failing()[name]()
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=False).format_exception_only()
    )
    assert not leaks(shown + repr(caught.value), [SEED, SEED[:31]])
    assert caught.value.__cause__ is None


def test_key_file_errors_name_the_file_and_not_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_bytes(SEED + b"x")
    path.chmod(0o600)
    with pytest.raises(IntendedError) as caught:
        FileKeyEncryption.open(path)
    assert str(path) in str(caught.value)
    assert not leaks(str(caught.value), [SEED])
