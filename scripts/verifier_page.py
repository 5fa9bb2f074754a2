"""Writes into `verifiers/verify_evidence.html` what follows from elsewhere: the kinds of records, and the hash that lets its script run.

    python -m scripts.verifier_page
"""

from __future__ import annotations

import base64
import re
import sys
from hashlib import sha256
from pathlib import Path

from intended_core.audit.record import EventKind

PAGE = Path(__file__).parent.parent / "verifiers" / "verify_evidence.html"
WIDTH = 130


def kinds() -> str:
    """The kinds as lines of a JavaScript string."""
    lines, line = [], ""
    for kind in (item.value for item in EventKind):
        if len(line) + len(kind) > WIDTH:
            lines.append(line)
            line = ""
        line += kind + " "
    lines.append(line.rstrip())
    return "\n".join(f'    {"+ " if number else ""}"{text}"' for number, text in enumerate(lines))


def renewed(page: str) -> str:
    """The page with both parts as they should be."""
    page = re.sub(r"(const KINDS = new Set\(\(\n).*?(\n  \)\.split)", lambda found: found[1] + kinds() + found[2], page, flags=re.DOTALL)
    script = page[page.index("<script>") + len("<script>") : page.index("</script>")]
    digest = base64.b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")
    return re.sub(r"script-src 'sha256-[^']*'", f"script-src 'sha256-{digest}'", page, count=1)


def main() -> int:
    """Write the page anew."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
