"""What the house tests read: the repository, its tracked files, its rooms."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
SHARED = ROOT.parent / "shared"
PACKAGES = ("intended_core", "intended_adapters")
IN_CI = os.environ.get("CI") == "true"


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that a commit carries."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return tuple(ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file())


@cache
def modules() -> dict[str, Path]:
    """Every importable module of both packages: dotted name -> file. Migrations are loaded by Alembic and are left out."""
    found: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((SRC / package).rglob("*.py")):
            parts = path.relative_to(SRC).with_suffix("").parts
            if "versions" in parts or path.name in {"__main__.py", "env.py"}:
                continue
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found
