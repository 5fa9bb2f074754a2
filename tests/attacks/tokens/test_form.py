"""Attacks on the form.

The header and claims are validly signed with the tenant's own key; only their bytes are hostile.
"""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from intended_core.errors import TokenError
from tests.reference.token_world import b64, claims, encode, forge, header, issue, payload, record, redeemable, sign


def refused(text: object, code: str) -> TokenError:
    with pytest.raises(TokenError) as caught:
        redeemable(text)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE
    return caught.value


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_segments(count: int) -> None:
    parts = issue().text.split(".")
    refused(".".join((parts * 2)[:count]), "token.segments")


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a..", "..a", ".a."])
def test_empty_segments(text: str) -> None:
    with pytest.raises(TokenError):
        redeemable(text)


@pytest.mark.parametrize(
    "mark", ["=", "==", "\n", "\r\n", " ", "\t", "+", "/", "!", "?", "\x00", "\u00e9", "\ufeff", ","]
)
@pytest.mark.parametrize("place", ["front", "header", "claims", "end"])
def test_a_character_outside_the_alphabet(mark: str, place: str) -> None:
    head, body, tail = issue().text.split(".")
    text = {
        "front": mark + head + "." + body + "." + tail,
        "header": head + mark + "." + body + "." + tail,
        "claims": head + "." + body + mark + "." + tail,
        "end": head + "." + body + "." + tail + mark,
    }[place]
    refused(text, "token.base64")


def test_percent_and_full_width_spellings() -> None:
    text = issue().text
    refused(text.replace(".", "%2E"), "token.base64")
    refused(text.replace(".", "\u3002"), "token.base64")
    refused("Bearer " + text, "token.base64")


@pytest.mark.parametrize("segment", [0, 1, 2])
def test_non_canonical_tail_bits_are_a_second_spelling(segment: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for reg in ("ledger", "ledger2", "ledger34"):
        parts = forge(None, payload(reg=reg)).split(".")
        if len(parts[segment]) % 4 == 0:
            continue
        last = alphabet.index(parts[segment][-1])
        twin = [*parts]
        twin[segment] = parts[segment][:-1] + alphabet[last + 1]
        pad = "=" * (-len(twin[segment]) % 4)
        same = base64.urlsafe_b64decode(twin[segment] + pad) == base64.urlsafe_b64decode(parts[segment] + pad)
        assert same, "the twin decodes to the same bytes, so only its spelling can be refused"
        refused(".".join(twin), "token.base64")


def test_json_serialisation() -> None:
    head, body, tail = issue().text.split(".")
    flat = json.dumps({"protected": head, "payload": body, "signature": tail})
    general = json.dumps({"payload": body, "signatures": [{"protected": head, "signature": tail}]})
    refused(flat, "token.base64")
    refused(general, "token.base64")


def test_detached_payload() -> None:
    head, _, tail = issue().text.split(".")
    refused(head + ".." + tail, "token.base64")


def test_jwe_of_five_segments_with_a_deflate_bomb() -> None:
    bomb = zlib.compress(b"\x00" * 4_000_000)
    head = encode({"alg": "dir", "enc": "A256GCM", "zip": "DEF"})
    refused(".".join([b64(head), "", b64(b"n" * 12), b64(bomb), b64(b"t" * 16)]), "token.segments")


@pytest.mark.parametrize("kind", [None, 1, True, [], {}, bytearray(b"a.b.c"), memoryview(b"a.b.c")], ids=lambda one: type(one).__name__)
def test_a_token_that_is_not_text(kind: object) -> None:
    refused(kind, "token.segments")


def test_a_str_subclass_is_not_a_token() -> None:
    class Sly(str):
        __slots__ = ()

    refused(Sly(issue().text), "token.segments")


@pytest.mark.parametrize(
    "typ",
    [
        None,
        "",
        "JWT",
        "jwt",
        "at+jwt",
        "application/authority+jwt",
        "Authority+jwt",
        "AUTHORITY+JWT",
        "authority+jwt ",
        "authority jwt",
        "decision-receipt+jwt",
        "dpop+jwt",
        1,
        ["authority+jwt"],
    ],
    ids=repr,
)
def test_typ_of_another_kind(typ: object) -> None:
    head = {"alg": "RS256", "kid": record().kid, "typ": typ}
    refused(forge(encode({name: value for name, value in head.items() if value is not None})), "token.header")


KID = record().kid


@pytest.mark.parametrize(
    "head",
    [
        f'{{"alg":"none","alg":"RS256","kid":"{KID}","typ":"authority+jwt"}}',
        f'{{"alg":"RS256","alg":"RS256","kid":"{KID}","typ":"authority+jwt"}}',
        f'{{"alg":"RS256","kid":"x","kid":"{KID}","typ":"authority+jwt"}}',
        f'{{"a\\u006cg":"RS256","kid":"{KID}","typ":"authority+jwt"}}',
        f'{{"alg":"RS256","kid":"{KID}","typ":"authority\\u002bjwt"}}',
        f'{{"alg":"RS256","typ":"authority+jwt","kid":"{KID}"}}',
        f'{{"alg": "RS256","kid":"{KID}","typ":"authority+jwt"}}',
        f'{{"alg":"RS256","kid":"{KID}","typ":"authority+jwt"}} ',
        f'{{"alg":"RS256","kid":"{KID}","typ":"authority+jwt"}}\n',
        f'\ufeff{{"alg":"RS256","kid":"{KID}","typ":"authority+jwt"}}',
        f'[{{"alg":"RS256","kid":"{KID}","typ":"authority+jwt"}}]',
        "null",
        "{}",
        '"alg"',
        "[" * 300,
    ],
)
def test_another_spelling_of_the_header(head: str) -> None:
    refused(forge(head.encode("utf-8")), "token.header")


def test_header_that_is_not_utf_8() -> None:
    refused(forge(header() + b"\xff"), "token.header")
    refused(forge(header().decode().encode("utf-16")), "token.header")


GOOD = payload().decode()


@pytest.mark.parametrize(
    "body",
    [
        GOOD.replace('"aud":"payments"', '"aud":"evil","aud":"payments"'),
        GOOD.replace('"aud":"payments"', '"aud":"payments","aud":"payments"'),
        GOOD.replace('"aud":"payments"', '"a\\u0075d":"payments"'),
        GOOD.replace('"aud":"payments"', '"aud":"evil","a\\u0075d":"payments"'),
        GOOD.replace('"jti":"', '"jti":"BBBBBBBBBBBBBBBBBBBBBB","jti":"'),
        GOOD.replace('"exp":', '"exp":1,"exp":'),
        GOOD.replace('"aud":"payments"', '"aud":"paym\\u0065nts"'),
        GOOD.replace('"exp":1800000060', '"exp":1.80000006e9'),
        GOOD.replace('"exp":1800000060', '"exp":NaN'),
        GOOD.replace('"exp":1800000060', '"exp":Infinity'),
        GOOD.replace('"exp":1800000060', '"exp":1e999'),
        GOOD.replace('"exp":1800000060', '"exp":01800000060'),
        GOOD.replace('"exp":1800000060', '"exp":-0'),
        GOOD.replace('"exp":1800000060', '"exp":1000000000000000000000000'),
        GOOD.replace('"exp":1800000060', '"exp":' + "9" * 5000),
        GOOD.replace(",", ", ", 1),
        GOOD + "\n",
        " " + GOOD,
        "\ufeff" + GOOD,
        GOOD[:-1],
        GOOD + GOOD,
        GOOD[:-1] + ',"zzz":1}',
        GOOD[:-1] + ',"cnf":{"jkt":"x"}}',
        GOOD[:-1] + ',"__proto__":{}}',
        GOOD.replace('{"action"', '{"__class__":"x","action"'),
        GOOD.replace("/", "\\/", 1),
        GOOD.replace('User::\\"ann\\"', 'User::\\"\\ud800\\"'),
        "[" + GOOD + "]",
        "null",
        "1",
        '"text"',
        "[" * 3000,
        '{"a":' * 900,
        "",
    ],
    ids=lambda body: body[:24].encode("ascii", "backslashreplace").decode(),
)
def test_another_spelling_of_the_claims(body: str) -> None:
    with pytest.raises(TokenError) as caught:
        redeemable(forge(None, body.encode("utf-8")))
    assert caught.value.code == ("token.base64" if body == "" else "token.claims_form")


def test_claims_that_are_not_utf_8() -> None:
    for bad in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"):
        refused(forge(None, payload().replace(b"ann", b"ann" + bad)), "token.claims_form")


@pytest.mark.parametrize("size", [8193, 100_000, 5_000_000])
def test_too_large_is_refused_before_any_decoding_and_not_echoed(size: int) -> None:
    secret = "S3CRET" * (size // 6 + 1)
    for text in (secret, "a." + secret, f"{secret}.{secret}.{secret}", "\u20ac" * size):
        error = refused(text, "token.size")
        assert "S3CRET" not in str(error) + repr(error) + repr(error.__dict__)


def test_no_refusal_repeats_any_of_the_input() -> None:
    marked = [
        forge(header(kid="LEAKME")),
        forge(header(LEAKME=1)),
        forge(None, payload(LEAKME=1)),
        forge(None, payload(aud="leakme")),
        forge(None, payload(sub="LEAKME")),
        forge(None, payload(iss="LEAKME")),
        forge(None, b"LEAKME"),
        "LEAKME",
        "L.EAKME.",
    ]
    for text in marked:
        with pytest.raises(TokenError) as caught:
            redeemable(text)
        error: BaseException | None = caught.value
        while error is not None:
            assert "leakme" not in (str(error) + repr(error) + repr(error.args)).lower()
            error = error.__cause__


@pytest.mark.parametrize(
    ("claim", "twin"),
    [
        ("aud", "p\u0430yments"),
        ("tid", "\uff10" + "123456789abcdef" * 2 + "0"),
        ("env", "l\u0131ve"),
        ("aud", "payments\u200b"),
        ("aud", "Payments"),
        ("tid", "0123456789ABCDEF0123456789ABCDEF"),
    ],
)
def test_homoglyphs_where_only_ascii_may_stand(claim: str, twin: str) -> None:
    with pytest.raises(TokenError):
        redeemable(forge(None, payload(**{claim: twin})))


def test_nfc_and_nfd_twins_are_two_principals() -> None:
    composed, decomposed = 'User::"Jos\u00e9"', 'User::"Jose\u0301"'
    first = redeemable(forge(None, payload(sub=composed))).claims
    second = redeemable(forge(None, payload(sub=decomposed))).claims
    assert first.sub != second.sub


def test_bytes_and_text_of_one_token_are_the_same_token() -> None:
    text = issue().text
    assert redeemable(text).claims == redeemable(text.encode()).claims == claims()


def test_header_cache_does_not_help_a_second_token() -> None:
    redeemable(issue().text)
    start = b64(header()) + "." + b64(payload(aud="other"))
    refused(start + "." + b64(sign(start.encode())), "token.audience")
