"""Resolve every dependency anew in an empty environment and write constraints.txt: `python scripts/pin.py`.

The file holds one `name==version` a line, from a real installation of the run-time, extra and development packages together; it names
no index and no address.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Versions that were installed and tested together, for run time, extras and development. Made by `make constraints`.
"""


def main() -> int:
    """Write constraints.txt from a fresh installation."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = settings["dependency-groups"]
    wanted = {"editables", "pip", *settings["build-system"]["requires"], *settings["project"]["dependencies"]}
    for extra in settings["project"].get("optional-dependencies", {}).values():
        wanted.update(extra)
    for group in groups.values():
        wanted.update(entry for entry in group if isinstance(entry, str))
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--upgrade", "pip"], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *sorted(wanted)], check=True)
        listed = subprocess.run(
            [str(python), "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
        ).stdout
    pins = sorted((line for line in listed.splitlines() if not line.startswith("setuptools==")), key=str.lower)
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
