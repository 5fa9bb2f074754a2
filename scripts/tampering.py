"""Write docs/explanation/tampering.md from a run of the tampering table: `python -m scripts.tampering`. A test compares."""

from __future__ import annotations

from pathlib import Path

from tests.reference import tampering

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "tampering.md"
HEAD = """# What tampering is found, and by whom

<!-- made by scripts/tampering.py from a test run -->

Every attack below was tried {trials} times, each time at other places of a log of {size} records, by a seeded test. *Needs* is what the
verifier must hold: **I** the stored bytes or the bundle alone; **R** something that somebody outside kept, a signed head or a token;
**W** a policy file of its own that names witnesses, and what those or a customer have kept; **P** a key or a policy file that the verifier
brought; **T** a time file, under time-stamping authorities that it pinned. *Every hash fitted* means an attacker who owns the database and
computes whatever can be computed without the signing key. The last column is the same attack on a bare hash chain, where each row stores
the hash of the row before it and its own bytes, and nobody keeps anything; a chain has no signed heads, tokens, proofs or bundles, so
where those matter it has nothing to compare. (Whoever remembers a chain's newest hash finds a rewritten past too, by reading all of it
again.)

False alarms on {trials} honest logs and bundles of 6 to {longest} records: {false} here, {false_chain} of the chain.

| row | attack | needs | found | finding | bare chain |
| ---: | --- | :---: | ---: | --- | ---: |
"""
TAIL = """
The row numbers are those of the audit design. Row 30 is denied rather than found: the finding is the kind of the denial,
and what was granted before it is in the log; `next` is the transaction in which another tenant's unit, and any halt, is written. Row 31
is no attack to be found but one that finds nothing: leaves of a slot differ in every epoch, whether its log grew or not
(`tests/attacks/audit/test_anchors.py`).

What nothing here can find, or anywhere: that what was recorded was false when it was recorded; records that were cut off after the newest
head or token that anybody outside holds; a fork that nobody compares.
"""


def page() -> str:
    """The page, from a run of now."""
    alarms = [tampering.clean(trial) for trial in range(tampering.TRIALS)]
    head = HEAD.format(
        trials=tampering.TRIALS, size=tampering.SIZE, longest=5 + tampering.TRIALS, false=sum(one for one, _ in alarms),
        false_chain=sum(two for _, two in alarms),
    )  # fmt: skip
    rows = [
        f"| {one.row} | {one.attack} | {one.needs} | {one.found} of {one.trials} | {', '.join(f'`{code}`' for code in one.findings)} | "
        f"{'none to compare' if one.chain is None else f'{one.chain} of {one.trials}'} |"
        for one in tampering.table()
    ]
    return head + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
