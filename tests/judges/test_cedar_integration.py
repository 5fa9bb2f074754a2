"""Cedar's own integration tests judge Cedar mode: validation verdicts on all, decisions, reasons and errors where the policies validate."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.judges.cedar_world import CEDAR, corpus, corpus_tests, judged, needs_vectors

pytestmark = needs_vectors


def test_hand_written() -> None:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    folder = CEDAR / "integration"
    for path in sorted((folder / "tests").rglob("*.json")):
        judged(path.name, path.read_bytes(), lambda name: (folder / name).read_bytes(), counts, wrong, twice=True)
    print(dict(counts))
    assert wrong == []
    assert counts == {"verdicts": 22, "decisions": 74, "errors": 0}


def _corpus(names: list[str], *, twice: bool) -> Counter[str]:
    held = corpus()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for name in names:
        judged(name, held[name], lambda path: held[path.rpartition("/")[2]], counts, wrong, twice=twice)
    print(dict(counts))
    assert wrong == []
    return counts


def test_every_tenth_that_fuzzing_found() -> None:
    assert _corpus(corpus_tests()[::10], twice=True)["verdicts"] == 245


@pytest.mark.slow
def test_all_that_fuzzing_found() -> None:
    counts = _corpus(corpus_tests(), twice=True)
    assert counts == {"verdicts": 2450, "refused": 514, "decisions": 15488, "errors": 58}
