"""Draw docs/decide.svg from bench/results/decide.json: cost of a decision against the number of rules, with the peers of the same run.

`python bench/plot.py`; needs the `bench` group (matplotlib).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl

from bench.harness import RESULTS
from bench.render import PAGE

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "intended"  # the same file from the same figures

from matplotlib import pyplot as plt  # noqa: E402 - the back-end is chosen before

NAMES = {"intended": "intended", "floor": "a dict of Python predicates"}


def main() -> int:
    """Read the curve, write the picture."""
    found: dict[str, Any] = json.loads((RESULTS / "decide.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = found["curves"]["permits"]
    names = [name for name in rows[0] if name not in ("rules", "load_s")]
    figure, axes = plt.subplots(figsize=(8, 5))
    for name in names:
        points = [(row["rules"], row[name]) for row in rows if isinstance(row.get(name), int | float)]
        if points:
            wide = 2.5 if name in NAMES else 1.2
            axes.plot(*zip(*points, strict=True), marker="o", linewidth=wide, label=NAMES.get(name, name))
    axes.set(xscale="log", yscale="log", xlabel="rules in the set", ylabel="µs per decision (median)")
    axes.set_title("One decision against the number of rules")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PAGE.with_name("decide.svg"), metadata={"Date": None, "Creator": None})
    return 0


if __name__ == "__main__":
    sys.exit(main())
