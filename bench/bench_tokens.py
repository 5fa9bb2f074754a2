"""Tokens: what our strictness costs beside the bare signature. Medians of interleaved rounds; every answer is checked first.

`make bench ROOM=tokens` prints the figures and writes bench/results/tokens.json.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from bench.harness import Results, together
from intended_adapters.signing.local import LocalSigner
from intended_core.ids import EntityRef, Scope
from intended_core.keys.ring import KeyState, new_record
from intended_core.keys.rowmac import RowMac
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import parse
from intended_core.tokens.issuer import assemble, signing_input
from intended_core.tokens.verifier import BoundToken, Expected, VerifiedToken, bind, verify

ROUNDS, CALLS, NOW = 31, 100, 1_700_000_000


def subjects() -> dict[str, Callable[[], object]]:
    """Each measured call by name; the peers and the bare calls do their work on the same token."""
    made = LocalSigner().generate("RS256")
    ed = LocalSigner().generate("Ed25519")
    record = new_record(
        algorithm="RS256",
        purpose="token",
        public_der=made.public_der,
        sealed_private=b"x",
        now_us=1,
        state=KeyState.ACTIVE,
    )
    scope = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
    claims = TokenClaims(
        iss="https://authority.example/acme", aud="payments", sub=EntityRef("User", "ann"), tid=scope.uuid, env="live",
        iat=NOW, nbf=NOW, exp=NOW + 60, jti="AAAAAAAAAAAAAAAAAAAAAA", reg="ledger", action="pay",
        resource=EntityRef("Account", "acme-1"), arh=os.urandom(32), ith=os.urandom(32), pol=os.urandom(32),
        rul=("pay-small",), log=(1, 123_456, os.urandom(32)),
    )  # fmt: skip
    key = LocalSigner().load("RS256", made.private_der)
    unsigned = signing_input(claims, kid=record.kid, algorithm="RS256")
    signature = key.sign(unsigned.data)
    text = assemble(unsigned, signature, record.public_key()).text
    expected = Expected(scope=scope, issuer=claims.iss, audience=claims.aud)
    private, public = load_der_private_key(made.private_der, password=None), load_der_public_key(made.public_der)
    if not isinstance(private, RSAPrivateKey) or not isinstance(public, RSAPublicKey):
        raise TypeError("the signer made another kind of key")
    padding, sha = PKCS1v15(), SHA256()
    ed_key = LocalSigner().load("Ed25519", ed.private_der)
    mac = RowMac(os.urandom(32))
    row = mac.seal_row(scope, "nonce", claims.jti, 1, "ISSUED", os.urandom(200))
    find = {record.kid: record}.get

    def checked() -> VerifiedToken:
        return verify(parse(text), expected=expected, find_key=find, now_s=NOW + 1, max_life_s=60, leeway_s=2)

    def bound() -> BoundToken:
        return bind(checked(), claims.arh)

    def canonical_form() -> bool:
        _, _, signed, payload, tail = parse(text).parts_for_verifier()
        public.verify(tail, signed, padding, sha)
        return orjson.dumps(orjson.loads(payload), option=orjson.OPT_SORT_KEYS) == payload

    def peer() -> object:
        return jwt.decode(
            text, public, algorithms=["RS256"], audience="payments", issuer=claims.iss, options={"verify_exp": False}
        )

    if bound().claims != claims or not canonical_form() or peer() != claims.to_json():
        raise RuntimeError("an answer is wrong: nothing is measured")
    return {
        "bare RSA-2048 sign": lambda: private.sign(unsigned.data, padding, sha),
        "bare RSA-2048 verify": lambda: public.verify(signature, unsigned.data, padding, sha),
        "bare Ed25519 sign": lambda: ed_key.sign(unsigned.data),
        "strict parse": lambda: parse(text),
        "strict parse, verify, canonical form": canonical_form,
        "every check before the call": checked,
        "every check, bound to the call": bound,
        "PyJWT decode": peer,
        "signing input": lambda: signing_input(claims, kid=record.kid, algorithm="RS256"),
        "check and release": lambda: assemble(unsigned, signature, record.public_key()),
        "row tag, first sight": lambda: mac.tag(scope, row.kind, row.key, row.version, row.state, row.body),
        "row tag, seen row": lambda: mac.check(scope, row),
    }


RATIOS = (  # name, dividend, divisor, target
    ("strict parse and verify / bare verify", "strict parse, verify, canonical form", "bare RSA-2048 verify", 1.6),
    ("every check / bare verify", "every check before the call", "bare RSA-2048 verify", 1.6),
    ("PyJWT decode / bare verify", "PyJWT decode", "bare RSA-2048 verify", None),
)


def main() -> None:
    """Measure, print, write."""
    calls = subjects()
    seen = dict(zip(calls, together(list(calls.values()), number=CALLS, rounds=ROUNDS), strict=True))
    results = Results("tokens")
    for name, samples in seen.items():
        results.figure(name, samples.median_us, "µs")
    for name, over, under, most in RATIOS:
        value = seen[over].ratio_to(seen[under])
        results.figure(name, value, "×", *(() if most is None else (f"≤ {most}", value <= most)))
    results.write()


if __name__ == "__main__":
    main()
