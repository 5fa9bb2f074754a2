"""Plays a page as its reader does: writes the files that it names, runs its commands, and compares what they print.

A file is a fence that follows a line with nothing but its name in backquotes. A `console` fence holds commands (`$ intended …`), each
followed by its output; what differs from run to run stands as `…`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

STEP = re.compile(r"^(?:`(?P<name>[\w./-]+)`\n)?```(?P<tag>[a-z]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
VARIES = re.compile(r"[0-9A-Za-z._/-]*\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}|\b(?:[0-9a-f]{32,}|[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{22})\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def play(page: Path, folder: Path) -> str:
    """The page's text with every console fence as it comes out now, run in `folder`."""
    text = page.read_text(encoding="utf-8")

    def step(found: re.Match[str]) -> str:
        if found["name"]:
            target = folder / found["name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(found["body"], encoding="utf-8")
            return found[0]
        if found["tag"] != "console":
            return found[0]
        commands = [line for line in found["body"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{_run(line[2:], folder)}" for line in commands) + "```"

    return STEP.sub(step, text)


def _run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    assert program == "intended", command
    tool = Path(sys.executable).with_name("intended")
    known = {name: value for name, value in os.environ.items() if not name.startswith("INTENDED_")}
    done = subprocess.run(
        [str(tool), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=known | {"COLUMNS": "110", "NO_COLOR": "1", "TERM": "dumb", "HOME": str(folder)},
    )
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    return "".join(f"{line}\n" for line in VARIES.sub("…", "\n".join(lines)).splitlines())
