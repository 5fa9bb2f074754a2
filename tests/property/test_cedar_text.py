"""Cedar text that is cut, doubled and sprinkled: loading answers or refuses with a place, and never breaks."""

from __future__ import annotations

from random import Random

import pytest

from intended_core import IntentError, PolicyError, cedar_entities, decide_cedar, import_cedar, load_cedar
from tests.judges.cedar_generator import SCHEMA, Generator

PIECES = [
    b"(", b")", b"{", b"[", b'"', b"\\", b"::", b"==", b"has ", b"if ", b"in ", b"?principal", b"9" * 25, b"-" * 6, b"\\u{d800}", b"@", b"//", b"is ",
    b"like ", b".", b"\xe2\x80\xae", b"\xff", b"\x00", b"\r",
]  # fmt: skip


def _mangled(random: Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 5])):
        at = random.randrange(len(made) + 1)
        kind = random.randrange(4)
        if kind == 0:
            made[at : at + random.randrange(20)] = b""
        elif kind == 1:
            made[at:at] = bytes([random.randrange(256)])
        elif kind == 2:
            other = random.randrange(len(made) + 1)
            made[at:at] = made[other : other + random.randrange(30)]
        else:
            made[at:at] = random.choice(PIECES)
    return bytes(made)


@pytest.mark.parametrize("seed", range(3))
def test_no_text_breaks_loading(seed: int) -> None:
    random, generator = Random(seed), Generator(seed)
    answered = refused = 0
    for turn in range(60):
        world = generator.world(policies=2, requests=1)
        texts = [world.policies.encode(), SCHEMA.encode(), world.entities]
        if turn % 4 < 3:  # each fourth is left whole
            texts[turn % 4] = _mangled(random, texts[turn % 4])
        report = load_cedar({"p.cedar": texts[0]}, ("s.cedarschema", texts[1]), world.links)
        if report.loaded is None:
            refused += 1
            assert report.text
            assert all(found.span.line >= 1 for found in report.diagnostics)
            continue
        try:
            decide_cedar(report.loaded, cedar_entities(report.loaded, texts[2]), world.requests[0])
            answered += 1
            import_cedar(report.loaded)
        except (IntentError, PolicyError) as error:
            refused += 1
            assert str(error)
    assert refused > 20
    assert answered > 2
