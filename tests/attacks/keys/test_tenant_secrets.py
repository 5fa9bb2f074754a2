"""A secret's bytes are searched for in everything that somebody could look at: text forms, logs, tracebacks with locals, pickles, the file."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core import Authority, IntendedError, RedeemedToken, TenantAuthority
from intended_core.errors import KeyRingError, StoreError
from intended_core.flows.effects import Seal, Unseal
from intended_core.flows.secretrows import SecretRow
from intended_core.keys.hidden import SecretBytes
from intended_core.keys.sealing import Place
from intended_core.unit import Row
from tests.attacks.store.store_world import POLICY, bot, intent, pay

VALUE = b"S3CRET-0f-the-bank/\xff\x00+\xc3\xa9-4711-S3CRET"
FORMS = (
    VALUE, VALUE.hex().encode(), base64.b64encode(VALUE), base64.urlsafe_b64encode(VALUE).rstrip(b"="), repr(VALUE)[2:-1].encode(),
    b"S3CRET", b"4711-",  # four digits alone stand in an address or a digest now and then
)  # fmt: skip


def shown(text: str | bytes) -> bool:
    """Whether any form of the value stands in it."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    return any(form in data for form in FORMS)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[tuple[Authority, TenantAuthority, Path]]:
    for name in ("store", "keys"):
        (tmp_path / name).mkdir()
    file = tmp_path / "store" / "a.db"
    with Authority.create(file, key_file=tmp_path / "keys" / "kek", durability="normal") as authority:
        acme = authority.create_tenant("acme", algorithm="Ed25519")
        acme.activate({"pay.policy": POLICY})
        acme.put_entities(bot(suspended=False))
        yield authority, acme, file


def redeemed(acme: TenantAuthority) -> RedeemedToken:
    return acme.redeem(acme.require(intent(), audience="bank"), pay(), adapter=acme.adapter("bank"))


def on_disk(file: Path) -> bytes:
    """Everything that stands in the store's directory, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in sorted(file.parent.iterdir()))


def test_the_search_finds_what_is_there() -> None:
    assert shown(f"value is {VALUE!r}")
    assert shown(base64.b64encode(VALUE))
    assert not shown("value is hidden")


def test_text_forms_of_all_that_touches_it(bank: tuple[Authority, TenantAuthority, Path], caplog: pytest.LogCaptureFixture) -> None:
    _, acme, _ = bank
    with caplog.at_level(logging.DEBUG):
        acme.secrets.put("bank", "login", VALUE)
        opened = acme.secrets.open(redeemed(acme), "login")
        assert opened == VALUE
        place = Place(scope=acme.scope, kind="secret", key="k", version=1, field="value")
        row = SecretRow(adapter="bank", name="login", sealing=1, sealed=b"x", created_us=1, changed_us=1)
        held: list[object] = [opened, acme.secrets, acme.secrets.list(), Seal(place, SecretBytes(VALUE)), Unseal(place, b"x"), row]
        for holder in held:
            logging.getLogger("host").error("%s %r %s", holder, holder, [holder])
            for text in (repr(holder), str(holder), f"{holder}", repr({"k": (holder,)})):
                assert not shown(text), text
    assert not shown(caplog.text)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_no_pickle_holds_it(bank: tuple[Authority, TenantAuthority, Path], way: Callable[[Any], Any]) -> None:
    _, acme, _ = bank
    acme.secrets.put("bank", "login", VALUE)
    opened = acme.secrets.open(redeemed(acme), "login")
    with pytest.raises(TypeError) as caught:
        way(opened)
    assert not shown(str(caught.value))
    assert not shown(pickle.dumps(acme.secrets.list()))


def broken(error: IntendedError) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        raise error

    return call


def told(error: BaseException) -> str:
    """The traceback of everything that was raised, with the locals of each frame of ours."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(("owner", "name"), [(FileKeyEncryption, "wrap"), (FileKeyEncryption, "unwrap"), (SqliteStorage, "commit")])
@pytest.mark.parametrize("call", ["put", "open"])
def test_no_traceback_shows_it_even_with_locals(
    bank: tuple[Authority, TenantAuthority, Path], monkeypatch: pytest.MonkeyPatch, owner: type, name: str, call: str
) -> None:
    _, acme, _ = bank
    acme.secrets.put("bank", "login", VALUE)
    token = redeemed(acme)
    monkeypatch.setattr(owner, name, broken(KeyRingError("broken") if owner is FileKeyEncryption else StoreError("broken")))
    if (call, name) == ("open", "wrap"):
        assert acme.secrets.open(token, "login") == VALUE
        return
    with pytest.raises(IntendedError) as caught:
        if call == "put":
            acme.secrets.put("bank", "login", VALUE)
        else:
            acme.secrets.open(token, "login")
    text = told(caught.value)
    assert "in put" in text or "in open" in text
    assert not shown(text.replace('VALUE)', "").replace("VALUE", ""))


def test_nothing_of_it_reaches_the_file(bank: tuple[Authority, TenantAuthority, Path]) -> None:
    _, acme, file = bank
    acme.secrets.put("bank", "login", VALUE)
    acme.secrets.open(redeemed(acme), "login")
    assert not shown(on_disk(file))


def test_a_removed_secrets_sealed_bytes_are_overwritten(bank: tuple[Authority, TenantAuthority, Path]) -> None:
    """`secure_delete`: once the write-ahead log is taken in, not even the sealed bytes are left in free pages."""
    authority, acme, file = bank
    acme.secrets.put("bank", "login", VALUE * 100)
    connection = sqlite3.connect(file)
    (body,) = connection.execute("SELECT body FROM row_secret WHERE \"key\" = 'adapter:bank:login'").fetchone()
    connection.close()
    sealed = SecretRow.from_row(_row(body)).sealed
    assert sealed is not None
    part = base64.urlsafe_b64encode(sealed).rstrip(b"=")[400:464]
    assert part in on_disk(file), "the search finds it while it stands"
    acme.secrets.remove("bank", "login")
    authority.close()
    sqlite3.connect(file).close()
    assert part not in on_disk(file)


def test_a_destroyed_private_keys_sealed_bytes_are_overwritten(bank: tuple[Authority, TenantAuthority, Path]) -> None:
    authority, acme, file = bank
    sealed = acme.policy().ring.active("token").sealed_private
    assert sealed is not None
    part = base64.urlsafe_b64encode(sealed).rstrip(b"=")[:64]
    acme.rotate_keys()
    authority.close()
    sqlite3.connect(file).close()
    assert part not in on_disk(file)


def _row(body: bytes) -> Any:
    return Row("secret", "adapter:bank:login", 1, "STORED", body, b"")


def test_only_one_room_loads_private_keys() -> None:
    """The load without the full check of the numbers stands behind the seal's tag and additional data, and nowhere else."""
    root = Path(__file__).resolve().parents[3] / "src"
    skipping = [path.name for path in root.rglob("*.py") if "unsafe_skip_rsa_key_validation" in path.read_text(encoding="utf-8")]
    assert skipping == ["local.py"]
    loading = sorted(path.name for path in root.rglob("*.py") if "signer.load(" in path.read_text(encoding="utf-8"))
    assert loading == ["loaded.py", "runtime.py"], "unsealed keys, and a key that signs once in the flow that has just made it"
