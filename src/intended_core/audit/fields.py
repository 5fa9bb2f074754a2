"""Fields of a body: parts that it only commits to, each under its own salt, so that each can be shown, kept back or erased alone.

    body     … "fields": {"intent.args.payee": digest, "ith": digest, …} "intent": {"action": …, "args": {}, …} …
    fields   {"intent.args.payee": [salt, value], "ith": 812, …}          beside the record, outside what is hashed

    digest = SHA-256("intended.audit/field.v1" NUL ‖ path ‖ NUL ‖ canonical JSON of [salt, value])

The digest binds a value to its place: path in its own bytes, record because the salt is new for each. The salts of one record are parts of
one SHAKE-256 output over 128 random bits that are kept nowhere: one that is shown says nothing about another, and without it a digest
cannot be tried out (RFC 9901 § 4.2, audit.md § 1.8). A number instead of salt and value is the seq of the record that erased it.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Any, Final

import orjson

from intended_core.audit.record import MAX_BODY_BYTES, SALT_BYTES, PackedBody, parse_body, parse_entry
from intended_core.canonical import Json, b64url, canonical_json, pack, parse_canonical
from intended_core.errors import AuditError, IntentError
from intended_core.unit import RecordRow
from intended_core.values import SAFE_INT

__all__ = [
    "FIELDS",
    "MISSING",
    "SNAPSHOT",
    "depending",
    "erase_fields",
    "erased_by",
    "field_begun",
    "held_paths",
    "held_values",
    "joined",
    "keep_fields",
    "pack_fields",
    "read_body",
    "sound_fields",
    "split_intent",
]

FIELDS: Final = "fields"  # in a body: path -> digest
MISSING: Final = "$missing"  # in a body that was read: path -> seq of the record that erased it, or null
MAX_FIELDS: Final = 4096
MAX_PATH_CHARS: Final = 512
_FIELD_LABEL: Final = b"intended.audit/field.v1\x00"
_SALTS_LABEL: Final = b"intended.audit/salts.v1\x00"
SALT_CHARS: Final = 22  # 132 bits in base64url
_PIECE: Final = 33 * SALT_CHARS // 44 + 1  # bytes that give so many characters
_SALT: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_SALTS: Final = re.compile(r"[A-Za-z0-9_-]*")
_USUAL: Final = re.compile(r"(?:intent\.(?:principal|resource|chain|(?:args|context)\.[^.]+)|(?!intent)[a-z_]+)")
_TEXTS: Final = frozenset({str})
_LEVELS: Final = 8  # of a value; a deeper one is left to the parser
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_INTENT: Final = "intent."
_NAMED: Final = ("principal", "resource", "chain")
# What is computed from the request, or from the entities that it names: it goes with any part of the request.
COMPUTED: Final = frozenset({"excluded", "ith", "meters", "obligations"})
SNAPSHOT: Final = "entities_digest"


def field_begun(path: str) -> bytes:
    """How a field begins in what is hashed; its disclosure follows."""
    return _begun(path)[0]


@lru_cache(maxsize=4096)
def _begun(path: str) -> tuple[bytes, bytes]:
    """How a field begins in what is hashed, and in the store."""
    name = path.encode("ascii")
    return _FIELD_LABEL + name + b"\x00", orjson.dumps(path) + b":"


def split_intent(wire: bytes) -> tuple[Json, dict[str, Json]]:
    """What of an intent in wire form stands in a body in the clear, and its fields: who, on what, by whose grant, each argument and context
    member.
    """
    asked: dict[str, Any] = orjson.loads(wire)
    args, context = asked["args"], asked["context"]
    asked["args"], asked["context"] = {}, {}
    fields: dict[str, Json] = {f"intent.args.{name}": value for name, value in args.items()}
    for name, value in context.items():
        fields[f"intent.context.{name}"] = value
    for name in _NAMED:
        if name in asked:
            fields[f"intent.{name}"] = asked.pop(name)
    return asked, fields


def pack_fields(
    body: dict[str, Json], fields: Mapping[str, Json], *, secret: bytes, encode: Callable[[object], bytes] = pack
) -> PackedBody:
    """A body of texts and bounded integers that the core put together, with these fields of it committed to only.

    `secret`: 16 random bytes, used for nothing else and kept nowhere. `encode`: `canonical_json` where values came from outside unchecked.
    Neither `salt` nor `fields` is a member of the body given; both are afterwards. Raises AuditError.
    """
    if len(secret) != SALT_BYTES or "salt" in body or FIELDS in body:
        raise AuditError("a record's secret has 16 bytes, and its salts are no member of the body given", code="audit.record")
    paths = sorted(fields)
    drawn = shake_256(_SALTS_LABEL + secret).digest(SALT_BYTES + _PIECE * len(paths))
    salts = b2a_base64(drawn[SALT_BYTES:]).translate(_TO_URL, b"=\n").decode()
    hashed, parts, at = b"", [], 0
    try:
        for path in paths:
            begun, stored = _begun(path)
            disclosure = encode([salts[at : at + SALT_CHARS], fields[path]])
            # One zero byte fills up to what base64 writes in whole characters, so that all digests become text at once.
            hashed += sha256(begun + disclosure).digest() + b"\x00"
            parts.append(stored + disclosure)
            at += SALT_CHARS
        texts = b2a_base64(hashed).translate(_TO_URL, b"\n").decode()
        body[FIELDS] = {path: texts[44 * number : 44 * number + 43] for number, path in enumerate(paths)}
        body["salt"] = b64url(drawn[:SALT_BYTES])
        return PackedBody(encode(body), b"{" + b",".join(parts) + b"}")
    except (IntentError, UnicodeEncodeError) as error:
        raise AuditError(f"a record's body does not fit the profile: {error}", code="audit.record") from None


def read_body(row: RecordRow) -> dict[str, Json]:
    """What the record says, its fields in their places, every byte compared with the header's and the body's commitments.

    A body with fields that are not here has the member `$missing`. Raises AuditError `audit.body` or `audit.field`.
    """
    return joined(parse_body(row.body, expected=parse_entry(row.entry).body_hash), row.fields)


def joined(body: dict[str, Json], stored: bytes) -> dict[str, Json]:
    """A body that was parsed, with the fields in `stored` in their places; `intent` is there as its wire form once every part of it is.

    Without that, `intent` is missing and `intent_parts` holds what is there. Raises AuditError `audit.field` for a value, salt or path
    that the body does not commit to.
    """
    digests = _digests(body)
    given = _stored(stored)
    if MISSING in body:
        raise _bad("a body has a member that only its readers make")
    if digests is None:
        if given:
            raise _bad("fields are here of a body that has none")
        return body
    made = {name: value for name, value in body.items() if name != FIELDS}
    shown, gone = _checked(digests, given)
    asked = made.pop("intent", None)
    parts = dict(asked) if isinstance(asked, dict) else None
    for path, value in shown.items():
        if not path.startswith(_INTENT):
            if path in made or path == "intent":
                raise _bad("a field stands in a place that is taken")
            made[path] = value
        elif parts is None:
            raise _bad("a field of an intent stands in a body without one")
        else:
            _put(parts, path.split(".")[1:], value)
    if parts is not None:
        if any(path.startswith(_INTENT) for path in gone):
            made["intent_parts"] = parts
        else:
            made["intent"] = _wire(parts)
    elif asked is not None:
        made["intent"] = asked
    if gone:
        made[MISSING] = gone
    return made


def sound_fields(body: bytes, stored: bytes) -> bool:
    """Whether what a good body commits to is surely all here, each value the one that it commits to; in the least doubt False."""
    if stored == b"":
        return b'"fields":' not in body and b'"$missing":' not in body
    if not stored.isascii() or len(stored) > MAX_BODY_BYTES:
        return False
    try:
        said, given = orjson.loads(body), orjson.loads(stored)
        digests, asked = said[FIELDS], said.get("intent")
        if MISSING in said or type(digests) is not dict or type(given) is not dict or len(digests) > MAX_FIELDS:
            return False
        if asked is not None and (asked["args"] != {} or asked["context"] != {} or not asked.keys().isdisjoint(_NAMED)):
            return False
        # The same paths in the same order; so the bytes are put together here from each disclosure, and compared.
        if list(digests) != list(given) or not all(map(_usual, given)):
            return False
        parts: list[bytes] = []
        salts: list[str] = []
        hashed: list[bytes] = []
        for path, held in given.items():
            if (path in said) if path[:7] != _INTENT else asked is None:
                return False
            salt, value = held
            if type(value) is not str and not _plain(value, _LEVELS):
                return False
            begun, name = _begun(path)
            disclosure = orjson.dumps(held, option=orjson.OPT_SORT_KEYS)
            hashed.append(sha256(begun + disclosure).digest())
            parts.append(name + disclosure)
            salts.append(salt)
        # One zero byte after each digest makes its text 43 characters and an A: all of them are compared at once.
        texts = b2a_base64(b"\x00".join((*hashed, b"")), newline=False).translate(_TO_URL).decode()
        if "A".join((*digests.values(), "")) != texts or set(map(len, salts)) - {SALT_CHARS} or _SALTS.fullmatch("".join(salts)) is None:
            return False
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return False
    return b"".join((b"{", b",".join(parts), b"}")) == stored


@lru_cache(maxsize=4096)
def _usual(path: str) -> bool:
    """A path as decisions have them, each of which has a place of its own."""
    return len(path) <= MAX_PATH_CHARS and _USUAL.fullmatch(path) is not None


def _plain(value: Any, levels: int) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-SAFE_INT <= value <= SAFE_INT)
    if levels == 0 or not (kind is list or kind is dict):
        return False
    inner = value if kind is list else value.values()
    return set(map(type, inner)) <= _TEXTS or all(_plain(item, levels - 1) for item in inner)


def held_paths(stored: bytes) -> tuple[str, ...]:
    """The paths whose values are here, in order."""
    return tuple(path for path, held in _stored(stored).items() if isinstance(held, list))


def held_values(stored: bytes) -> dict[str, Json]:
    """The values that are here, by path; whether a record commits to them is `joined`'s to say."""
    return {path: held[1] for path, held in _stored(stored).items() if isinstance(held, list) and len(held) == 2}


def erased_by(stored: bytes) -> frozenset[int]:
    """The records that took fields out of these."""
    return frozenset(held for held in _stored(stored).values() if type(held) is int)


def keep_fields(stored: bytes, withheld: Iterable[str]) -> bytes:
    """The fields without these: as they are handed over, not as they are kept. What was erased stays marked."""
    given, left_out = _stored(stored), set(withheld)
    return _packed({path: held for path, held in given.items() if path not in left_out or type(held) is int})


def erase_fields(stored: bytes, gone: Iterable[str], *, by: int) -> bytes:
    """The fields after `by`, the seq of an erasure, took these out. Raises AuditError for one that is not here."""
    given: dict[str, Json] = dict(_stored(stored))
    for path in gone:
        if not isinstance(given.get(path), list):
            raise AuditError(f"there is no {path} here to erase", code="audit.erasure")
        given[path] = by
    return _packed(given)


def depending(stored: bytes, paths: Iterable[str]) -> tuple[str, ...]:
    """These paths and those whose values would tell them: what is computed from the request goes with any part of it.

    A snapshot of entities is told by the entities that the request names, and so goes with such a part only.
    """
    given, wanted = {path: held for path, held in _stored(stored).items() if isinstance(held, list)}, set(paths)
    asked = {path for path in wanted if path.startswith(_INTENT)}
    if asked:
        wanted |= COMPUTED & given.keys()
        if SNAPSHOT in given and any(_names_entity(path, given.get(path)) for path in asked):
            wanted.add(SNAPSHOT)
    return tuple(sorted(wanted))


def _names_entity(path: str, held: Json) -> bool:
    return path[len(_INTENT) :] in _NAMED or (isinstance(held, list) and _refers(held[1]))


def _refers(value: Json) -> bool:
    if isinstance(value, dict):
        return "@" in value or any(map(_refers, value.values()))
    return isinstance(value, list) and any(map(_refers, value))


def _digests(body: Mapping[str, Json]) -> dict[str, Json] | None:
    digests = body.get(FIELDS)
    if digests is None:
        return None
    if not isinstance(digests, dict) or len(digests) > MAX_FIELDS or any(len(path) > MAX_PATH_CHARS for path in digests):
        raise _bad("a body's fields are not in their form")
    return digests


def _stored(data: bytes) -> Mapping[str, Json]:
    if data == b"":
        return {}
    try:
        given = parse_canonical(data, max_bytes=MAX_BODY_BYTES)
    except IntentError:
        given = None
    if not isinstance(given, dict):
        raise _bad("a record's fields are not in canonical form")
    return given


def _checked(digests: Mapping[str, Json], given: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    if given.keys() - digests.keys():
        raise _bad("a field is here that the record does not name")
    shown: dict[str, Json] = {}
    gone: dict[str, Json] = {}
    for path in sorted(digests):
        held = given.get(path)
        if held is None or (type(held) is int and held >= 0):
            gone[path] = held
            continue
        if not isinstance(held, list) or len(held) != 2 or not isinstance(held[0], str):
            raise _bad("a record's fields are not in their form")
        if _SALT.fullmatch(held[0]) is None:
            raise _bad("a field's salt has 22 characters")
        if b64url(sha256(_begun(path)[0] + canonical_json(held)).digest()) != digests[path]:
            raise _bad(f"the value of {path} is not the one that the record commits to")
        shown[path] = held[1]
    return shown, gone


def _put(parts: dict[str, Json], names: list[str], value: Json) -> None:
    inner = parts
    for name in names[:-1]:
        following = inner.get(name)
        if not isinstance(following, dict):
            raise _bad("a field stands in a place that is not there")
        inner[name] = following = dict(following)
        inner = following
    if names[-1] in inner:
        raise _bad("a field stands in a place that is taken")
    inner[names[-1]] = value


def _wire(parts: Mapping[str, Json]) -> str:
    try:
        return canonical_json(parts).decode("utf-8")
    except IntentError:
        raise _bad("an intent is not in its form") from None


def _packed(given: Mapping[str, Json]) -> bytes:
    return canonical_json(given) if given else b""


def _bad(text: str) -> AuditError:
    return AuditError(text, code="audit.field")
