"""Make `.venv` from the pinned constraints, and nothing else: `python scripts/venv.py [--dev | --bench]`.

Needs only the standard library: a Python of at least 3.11 with venv and pip. `--dev` adds what the checks need, `--bench` that and the
engines that benchmarks compare with (each one that cannot be installed is left out, and the benchmark says so).
A stamp file holds the digest of what was installed, so that an unchanged environment costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST = (3, 11)
LEVELS = ("runtime", "dev", "bench")  # each holds the ones before it


def main(arguments: list[str]) -> int:
    """Install what is missing; answer a process exit code."""
    level = "bench" if "--bench" in arguments else "dev" if "--dev" in arguments else "runtime"
    stamp = VENV / f".installed-{level}"
    digest = _digest(level)
    for holds in LEVELS[LEVELS.index(level) :]:
        known = VENV / f".installed-{holds}"
        if known.is_file() and known.read_text(encoding="utf-8") == _digest(holds):
            return 0
    if sys.version_info < OLDEST:
        print(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    if not (BIN / "python").exists():
        _create()
    _install(level)
    stamp.write_text(digest, encoding="utf-8")
    return 0


def _digest(level: str) -> str:
    parts = [level.encode(), str(ROOT).encode()]
    parts += [path.read_bytes() for path in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _create() -> None:
    print(f"making {VENV.name} with Python {sys.version.split()[0]}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if made.returncode == 0:
        return
    # some systems split ensurepip off: the system's own pip can fill an empty environment
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(BIN / "python"), "install", "-q", "-c", str(CONSTRAINTS), "pip"],
        check=True,
    )


def _install(level: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*settings["build-system"]["requires"], "editables"]
    if level != "runtime":
        wanted += _group(settings["dependency-groups"], "dev")
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
    pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "-c", str(CONSTRAINTS)]
    print(f"installing the pinned {level} packages", flush=True)
    # the build back-end is pinned like everything else, so the build is not isolated from it
    subprocess.run([*pip, *wanted, *settings["project"]["dependencies"]], check=True, env=environment)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True, env=environment)
    for peer in _group(settings["dependency-groups"], "bench") if level == "bench" else ():
        if subprocess.run([*pip, peer], check=False, env=environment).returncode:
            print(f"{peer} cannot be installed here: the benchmarks leave it out", file=sys.stderr)


def _group(groups: dict[str, list[str | dict[str, str]]], name: str) -> list[str]:
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else _group(groups, entry["include-group"])
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
