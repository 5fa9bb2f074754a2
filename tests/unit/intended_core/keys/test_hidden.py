from __future__ import annotations

import copy
import pickle

import pytest

from intended_core.keys.hidden import SecretBytes

SECRET = SecretBytes(b"S3CRET")


def test_it_is_the_bytes_it_holds() -> None:
    assert SECRET == b"S3CRET"
    assert bytes(SECRET) == b"S3CRET"
    assert SECRET.decode() == "S3CRET"
    assert len(SECRET) == 6


def test_no_text_form_shows_it() -> None:
    for text in (repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET!r:>40}", f"{SECRET}", repr([SECRET]), repr({"k": (SECRET,)})):
        assert "S3CRET" not in text
        assert "hidden" in text


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_it_is_not_pickled_or_copied(way: object) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        way(SECRET)  # type: ignore[operator]
