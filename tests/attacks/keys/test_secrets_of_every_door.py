"""Every class that holds a secret, of every door: no text form, log line, traceback with locals or pickle shows a byte of it.

`test_every_class_that_could_hold_one_is_searched` finds a class by the names of its members, so that a new one joins the list or is said
to hold nothing secret.
"""

from __future__ import annotations

import ast
import base64
import copy
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.notify.webhook import webhook_notifier
from intended_adapters.witness.memory import FileMemory
from intended_core import IntendedError, LedgerByCall, LocalHolderKey, SystemRandomness
from intended_core.anchoring import CosigningWitness
from intended_core.audit.slots import SlotKey
from intended_core.flows.effects import Seal, SignOnce
from intended_core.flows.seal import EpochKeys
from intended_core.keys.hidden import SecretBytes
from intended_core.keys.rowmac import RowMac
from intended_core.keys.sealing import Place
from intended_core.ports import GeneratedKey, Notification
from tests.house.source import ROOT
from tests.reference.flow_world import World
from tests.reference.remote_world import over_ledger
from tests.reference.token_world import SCOPE, pair

SEED = b"S3CRETS3CRETS3CRETS3CRETS3CRETS3"
OTHER = b"0THERS3CRETS3CRETS3CRETS3CRETS3S"


class Fixed:
    def token_bytes(self, size: int) -> bytes:
        return SEED[:size]


@cache
def world() -> World:
    return World()


def shown(text: str | bytes, *secrets: bytes) -> bool:
    """Whether any form of a secret stands in it."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    forms = [
        form
        for secret in (SEED, OTHER, *secrets)
        for form in (secret, secret.hex().encode(), base64.b64encode(secret)[:40], base64.urlsafe_b64encode(secret)[:40], repr(secret)[2:-1].encode())
    ]
    return any(form in data for form in (*forms, b"S3CRET"))


def _epoch() -> EpochKeys:
    keys = EpochKeys(holder="one")
    keys.keep(GeneratedKey(private_der=SEED, public_der=bytes(32)))
    return keys


def _epoch_used() -> SlotKey:
    key = SlotKey(SEED, place=b"here")
    key.of(1)
    return key


def _credential() -> str:
    return world().tenant.tokens.credential("bank")


def holders(folder: Path) -> dict[str, tuple[Any, tuple[bytes, ...]]]:
    """Name of the class -> one of it, and what else of it is secret beside the seeds."""
    credential, place = _credential(), Place(scope=SCOPE, kind="secret", key="k", version=1, field="value")
    hook = webhook_notifier(url="https://hooks.example.com/", secret=b"whsec_" + base64.b64encode(SEED))
    here = world()
    here.tenant.secrets.put("notifier:ops", "webhook", SEED)
    witness = CosigningWitness(name="w.example", secret=SEED, logs=[], memory=FileMemory(folder), clock_s=lambda: 7)
    return {
        "SecretBytes": (SecretBytes(SEED), ()),
        "WebhookNotifier": (hook, ()),
        "LocalHolderKey": (LocalHolderKey.generate(Fixed()), ()),
        "FileKeyEncryption": (FileKeyEncryption(SEED, OTHER), ()),
        "RowMac": (RowMac(SEED), ()),
        "GeneratedKey": (GeneratedKey(private_der=SEED, public_der=b"public"), ()),
        "SignOnce": (SignOnce("Ed25519", SEED, b"payload"), ()),
        "Seal": (Seal(place, SEED), ()),
        "EpochKeys": (_epoch(), ()),
        "SlotKey": (_epoch_used(), (_epoch_used()._key,)),
        "CosigningWitness": (witness, ()),
        "LedgerByCall": (LedgerByCall(credential=credential, call=len), (credential.encode(), credential[-43:].encode())),  # type: ignore[arg-type]
        "Redeemer": (over_ledger(here), ()),
        "Context": (here.context, (here.context.mac._key,) if isinstance(getattr(here.context.mac, "_key", None), bytes) else ()),
        "Runtime": (here.runtime, ()),
        "TenantAuthority": (here.tenant, ()),
        "NoticesDesk": (here.tenant.notices, ()),
        "KeyringDesk": (here.tenant.keyring, ()),
        "notices.secret": (here.tenant.notices.secret("ops", "webhook"), ()),
    }  # fmt: skip


NAMES = sorted(
    {"SecretBytes", "WebhookNotifier", "LocalHolderKey", "FileKeyEncryption", "RowMac", "GeneratedKey", "SignOnce", "Seal", "EpochKeys", "SlotKey",
     "CosigningWitness", "LedgerByCall", "Redeemer", "Context", "Runtime", "TenantAuthority", "NoticesDesk", "KeyringDesk", "notices.secret"}
)  # fmt: skip


@pytest.fixture
def held(tmp_path: Path) -> Iterator[dict[str, tuple[Any, tuple[bytes, ...]]]]:
    made = holders(tmp_path)
    assert sorted(made) == NAMES
    yield made
    made["CosigningWitness"][0]._memory.close()


def test_no_text_form_and_no_log_line(held: dict[str, tuple[Any, tuple[bytes, ...]]], caplog: pytest.LogCaptureFixture) -> None:
    for name, (holder, secrets) in held.items():
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("host").error("%s %r %s", holder, holder, [holder])
        for text in (repr(holder), str(holder), f"{holder}", repr({"k": (holder,)})):
            assert not shown(text, *secrets), name
    assert not shown(caplog.text, *(secret for _, secrets in held.values() for secret in secrets))


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_no_pickle(held: dict[str, tuple[Any, tuple[bytes, ...]]], way: Callable[[Any], Any]) -> None:
    for name, (holder, secrets) in held.items():
        try:
            made = way(holder)
        except TypeError as error:
            assert not shown(str(error), *secrets), name
        except Exception as error:  # what cannot be pickled for another reason shows nothing either
            assert not shown(str(error), *secrets), name
        else:
            pytest.fail(f"{name} was copied: {type(made).__name__}")


def test_no_open_attribute_dictionary(held: dict[str, tuple[Any, tuple[bytes, ...]]]) -> None:
    for name, (holder, _) in held.items():
        assert name in ("SecretBytes", "notices.secret") or not hasattr(holder, "__dict__"), name


def told(error: BaseException) -> str:
    """The traceback of everything that was raised, with the locals of each frame of ours."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(line for line in lines if "test_secrets_of_every_door" not in line)


def failing(credential: str) -> dict[str, Callable[[], object]]:
    line = b"whsec_" + base64.b64encode(SEED)
    hook = webhook_notifier(url="http://127.0.0.1:9/", secret=line)
    notice = Notification(id="evt_x", kind="halt.engaged", at_us=1, data=b"{}")
    tokens = world().tenant.tokens
    return {
        "a webhook with a bad address": lambda: webhook_notifier(url="ftp://x/", secret=line),
        "a webhook whose secret is too long": lambda: webhook_notifier(url="https://x.example/", secret=b"whsec_" + base64.b64encode(SEED * 3)),
        "a webhook that nobody answers": lambda: hook.send(notice),
        "a credential with a bit changed": lambda: tokens.read_credential(credential[:-1] + ("A" if credential[-1] != "A" else "B")),
        "a credential of another adapter": lambda: tokens.withdraw("vault", credential=credential, reason="x", keys=()),
    }


@pytest.mark.parametrize("name", sorted(failing("adapter.x.x")))
def test_no_error_shows_what_it_was_given(name: str) -> None:
    credential = _credential()
    with pytest.raises(IntendedError) as caught:
        failing(credential)[name]()
    assert not shown(f"{caught.value} {caught.value!r}", credential[-42:].encode(), credential[:-1].encode())
    assert caught.value.__cause__ is None


def test_a_webhook_that_fails_shows_no_secret_even_with_locals() -> None:
    hook = webhook_notifier(url="http://127.0.0.1:9/", secret=b"whsec_" + base64.b64encode(SEED))
    with pytest.raises(IntendedError) as caught:
        hook.send(Notification(id="evt_x", kind="halt.engaged", at_us=1, data=b"{}"))
    frames = traceback.StackSummary.extract(traceback.walk_tb(caught.value.__traceback__), capture_locals=True)
    ours = [frame for frame in frames if "intended_adapters" in frame.filename]
    assert ours
    assert not shown(repr([frame.locals for frame in ours]))


def test_a_refused_request_repeats_no_credential() -> None:
    credential = _credential()
    for data in (b'{"credential":"' + credential.encode() + b'"}', credential.encode()):
        assert credential[-43:].encode() not in world().tenant.tokens.serve(data)
    assert not any(credential[-43:].encode() in record.body + record.entry for record in world().data().records)


LIKELY = re.compile(r"secret|private|credential|^_key$|^_keys$|seed|plaintext|passw|^kek$|^mac$|_signing|^jwt$")
# What has such a member and holds nothing secret: public keys, tags, what is sealed, names and counts of them.
OPEN = {
    "Row", "Head", "KeyRecord", "SecretRow", "PublicKey", "KeySet", "Halts", "UnverifiedToken", "Erasures", "CosigningWitness._key", "Withdrawn",
    "DpopProof", "Settings", "Signers",
}  # fmt: skip
ELSEWHERE = {"LocalPersonKey", "LoadedKey", "SigningKeys", "AnchorDesk"}  # searched in the two tests beside this one, or holding only EpochKeys


def test_every_class_that_could_hold_one_is_searched() -> None:
    found = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(item, ast.ClassDef) and any(LIKELY.search(name) for name in _members(item)):
                found.add(item.name)
    assert found - set(NAMES) - OPEN - ELSEWHERE == set()


def _members(item: ast.ClassDef) -> set[str]:
    names = {each.target.id for each in item.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)}
    for each in item.body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and each.targets[0].id == "__slots__":
            names |= {str(part.value) for part in ast.walk(each.value) if isinstance(part, ast.Constant)}
    return names


def test_the_search_finds_what_is_there() -> None:
    assert shown(f"{SEED!r}")
    assert shown(base64.b64encode(SEED))
    assert shown(pickle.dumps({"k": SEED}))
    assert not shown("hidden")
    assert pair("main").private_der
    assert SystemRandomness().token_bytes(1)
