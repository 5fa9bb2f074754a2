"""The tampering page is what a run of now finds; every attack is found every time, and nothing honest ever is."""

from __future__ import annotations

import random
import re

from scripts.tampering import PAGE, page
from tests.reference import tampering


def test_the_page_is_this_run_and_misses_nothing() -> None:
    made = page()
    assert made == PAGE.read_text(encoding="utf-8"), "run `python -m scripts.tampering`"
    counts = re.findall(r"\| [IRPTW] \| (\d+) of (\d+) \|", made)
    listed = (tampering.ON_TIMES, tampering.ON_HOLDS, tampering.ON_LOGS, tampering.ON_THE_REST, tampering.ON_ANCHORS, tampering.ON_CLOSINGS, tampering.ON_ERASURES, tampering.ON_FIELDS,
              tampering.ON_EVIDENCE, tampering.ON_FORMS, tampering.ON_STORES)  # fmt: skip
    assert len(counts) == sum(map(len, listed)) >= 68
    # Every row of the design but 31, in which there is nothing to be found.
    assert {int(row) for row in re.findall(r"^\| (\d+) \|", made, re.MULTILINE)} >= set(range(1, 31))
    assert all(found == trials == str(tampering.TRIALS) for found, trials in counts)
    assert tampering.TRIALS >= 60
    assert "records: 0 here, 0 of the chain." in made


def test_a_verifier_that_brings_nothing_misses_what_needs_somebody_outside() -> None:
    """The levels are true: without the head, the attacks of level R go by."""
    for _, attack, needs, change, careful in tampering.ON_LOGS:
        if needs == "R":
            found, _ = tampering._on_log(change, careful, "I", random.Random(attack))
            assert found == "", attack
