"""Obligations travel as canonical text and are read back strictly."""

from __future__ import annotations

import pytest

from intended_core.errors import TokenError
from intended_core.flows.obligations import read_obligations, written
from intended_core.outcome import Obligation

PAGE = Obligation(name="page", phase="before", values={"team": "s:ops", "n": "i:3"})
TELL = Obligation(name="tell", phase="after", values={})


def test_written_and_read() -> None:
    texts = written([TELL, PAGE])
    assert texts[0] == '{"name":"page","phase":"before","values":{"n":"i:3","team":"s:ops"}}'
    assert read_obligations(texts) == (PAGE, TELL)


@pytest.mark.parametrize(
    "text",
    ["", "page", '{"name":"page"}', '{"name":1,"phase":"before","values":{}}', '{"name":"p","phase":"now","values":{}}',
     '{"name":"p","phase":"before","values":[]}', '{"phase":"before","name":"p","values":{}}',
     '{"more":1,"name":"p","phase":"before","values":{}}'],
)  # fmt: skip
def test_anything_else_is_not_honoured(text: str) -> None:
    with pytest.raises(TokenError):
        read_obligations([text])
