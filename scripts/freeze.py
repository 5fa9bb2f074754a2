"""Freezes examples of the wire formats of one version, good and bad, with the answers that they get for ever.

    python -m scripts.freeze v2

Takes every bundle that the attacks on audit make, keeps the smallest one of each kind of answer, and writes them to
`tests/frozen/VERSION`, with tokens of every algorithm beside them. A version that is there already is refused: what was declared does not
change.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from intended_core.errors import TokenError
from tests.attacks.audit.test_third_verifier import CORPUS, recorded
from tests.reference.third_verifier import RECORDING
from tests.reference.token_world import ARH, NOW, claims, encode, forge, header, issue, payload, record, redeemable

ROOT = Path(__file__).parent.parent
MOST = 256 * 1024  # of base64: what is refused for its size alone is not kept here
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")


def kind_of(case: dict[str, Any]) -> tuple[object, ...]:
    """What makes a case worth keeping beside another."""
    answer = case["answer"]
    codes = tuple(sorted({(code, grade) for code, grade, _ in answer["findings"]}))
    asked = (case["range"], case["kind"], bool(case["pins"]), case["known"] is not None, case["policy"] is not None)
    whole = () if codes else (len(case["data"]) // 20_000,)  # more than one honest bundle of a kind: short and long
    return (*asked, answer["grade"], codes, *whole)


def chosen(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The smallest case of each kind, in an order that does not depend on the run."""
    best: dict[tuple[object, ...], dict[str, Any]] = {}
    small = [case for case in cases if len(case["data"]) <= MOST]
    for case in sorted(small, key=lambda one: (len(one["data"]), one["data"])):
        best.setdefault(kind_of(case), case)
    return [best[kind] for kind in sorted(best, key=repr)]


def bundles(folder: Path) -> None:
    """Write the bundles and `cases.json`, which says what is asked of each and what is answered."""
    with tempfile.TemporaryDirectory() as made:
        tests = [f"tests/attacks/audit/{name}" for name in CORPUS]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests],
            cwd=ROOT, env={**os.environ, RECORDING: made}, check=True,
        )  # fmt: skip
        cases = chosen(recorded(Path(made)))
    index = []
    for case in cases:
        data = base64.b64decode(case.pop("data"))
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.evb"
        (folder / name).write_bytes(data)
        index.append({"file": name, **case})
    write(folder / "cases.json", index)


def tokens() -> list[dict[str, Any]]:
    """Honest tokens of every algorithm, and forgeries under the tenant's own key."""
    made = []
    for number, algorithm in enumerate(ALGORITHMS):
        made.append((f"honest {algorithm}", algorithm, issue(claims(jti=f"{'A' * 20}{number}A"), algorithm=algorithm).text))
    rs256 = "RS256"
    made += [
        ("not a member more", rs256, forge(body=payload(more=1))),
        ("not a member less", rs256, forge(body=payload(rul=...))),
        ("spelled otherwise", rs256, forge(body=encode(json.loads(payload())).replace(b":", b": ", 1))),
        ("another type", rs256, forge(header(typ="JWT"))),
        ("no algorithm", rs256, forge(header(alg="none"))),
        ("of another algorithm", rs256, forge(header(alg="HS256"))),
        ("a key that it brings", rs256, forge(header(jwk={"kty": "oct"}))),
        ("longer than it may live", rs256, forge(body=payload(exp=NOW + 61))),
        ("for another", rs256, forge(body=payload(aud="crm"))),
    ]
    return [{"name": name, "algorithm": algorithm, "token": text, **answered(text, algorithm)} for name, algorithm, text in made]


def answered(text: str, algorithm: str) -> dict[str, Any]:
    """What is known about the token, and what the verifier says: its claims, or the code of the refusal."""
    key = record(algorithm=algorithm)
    known = {"public_key": base64.b64encode(key.public_der).decode(), "now_s": NOW + 1, "arh": ARH.hex()}
    try:
        bound = redeemable(text, keys=(key,))
    except TokenError as refused:
        return {**known, "refused": refused.code}
    return {**known, "claims": dict(bound.claims.to_json())}


def write(path: Path, value: object) -> None:
    """As one line per member, so that people can read it."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the examples of the version named; 2 when it is not named or is there."""
    if len(arguments) != 1:
        print("name the version: python -m scripts.freeze v2", file=sys.stderr)
        return 2
    folder = ROOT / "tests" / "frozen" / arguments[0]
    if folder.exists():
        print(f"tests/frozen/{arguments[0]} is there: what was declared does not change", file=sys.stderr)
        return 2
    folder.mkdir()
    bundles(folder)
    write(folder / "tokens.json", tokens())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")
    print(f"{len(sums)} files; SHA256SUMS is {hashlib.sha256((folder / 'SHA256SUMS').read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
