#!/usr/bin/env python3
"""Verify an evidence bundle (`.evb`) with nothing but a Python interpreter: no package, no network, no database.

    python3 -I -S verify_evidence.py FILE --pin KEY        (Python 3.9 or newer)

This file stands alone and comes to you on another way than the bundle. It was written a second time from the format's rules and shares no
code with the package; the package's tests hold the two to the same verdicts. What it does not do: take the decision again with the policy.
Trust comes from the log keys that you give (`--pin name+hash+base64`, `--checkpoint FILE`); without any, the best verdict is
CONSISTENT_UNPINNED. With `--policy FILE` (C2SP tlog-policy: the anchor logs and witnesses that you know) a slot proof in the bundle counts,
and only with it is a bundle as new as `--min-epoch` and `--max-age` ask for.
Exit code: 0 at or above --min-verdict, else 18 to 26 as the verdict says, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import struct
import sys
import time
import zlib
from datetime import datetime, timedelta, timezone
from hashlib import sha256, sha512

GRADES = [
    "MALFORMED", "TAMPERED", "FORKED", "TRUNCATED", "INCOMPLETE", "CONSISTENT_UNPINNED", "CONSISTENT_UNANCHORED", "ANCHORED", "WITNESSED",
]  # fmt: skip
SAFE_INT = 2**53 - 1
MAX_FILE, MAX_MEMBERS, MAX_RECORDS, MAX_HEADERS, MAX_SOURCES = 64 << 20, 4096, 1_000, 10_000, 2_000
MAX_TIME = 512 * 1024
MAX_LINE, MAX_PATH, MAX_DEPTH, MAX_ENTRY, MAX_BODY, MAX_NOTE, MAX_MANIFEST = 16384, 64, 32, 2048, 1 << 20, 65536, 4 << 20
NOT_COVERED = [
    "whether what was recorded was true when it was recorded",
    "the time: it is the issuer's own clock",
    "records that were cut from the log after the newest head that you know",
    "that the issuer shows everybody the same log: compare checkpoints with others",
]


def uncovered(anchored):
    """What the verdict does not say, once somebody outside has seen so many records; None for nobody, as bundles themselves say it."""
    if anchored is None:
        return NOT_COVERED
    return [
        NOT_COVERED[0],
        "the time of a record, beyond that a witness saw it later: it is the issuer's own clock",
        f"records that were cut from the log after the first {anchored}, which somebody outside has seen",
        f"that the issuer shows everybody the same log after the first {anchored} records: compare checkpoints with others",
    ]


class Bad(Exception):
    """Something does not hold; `code` names what."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


# --- Ed25519 (RFC 8032), strict: canonical encodings, no point of small order ------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SMALL = {
    0, 1, P - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
}  # fmt: skip


def add(one, two):
    """Sum of two points in extended coordinates."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    """The multiple of a point."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def decompress(data):
    """The point in 32 bytes; Bad when there is none."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Bad("audit.signature", "not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def check_signature(public, signature, message, small_r=False):
    """Return when the signature holds; raise Bad otherwise. `small_r`: take an R of small order too, which a token key alone could make."""
    if len(public) != 32 or len(signature) != 64:
        raise Bad("audit.signature", "an Ed25519 key has 32 bytes and a signature 64")
    for point in (public,) if small_r else (public, signature[:32]):
        y = int.from_bytes(point, "little") & (2**255 - 1)
        if y >= P or y in SMALL:
            raise Bad("audit.signature", "a point that is not canonical or of small order")
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        raise Bad("audit.signature", "a signature that is not canonical")
    key = decompress(public)
    h = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = add(times(s, BASE), times(h, (P - key[0], key[1], 1, P - key[3])))
    inverse = pow(z, P - 2, P)
    if (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little") != signature[:32]:
        raise Bad("audit.signature", "the signature does not hold")


# --- bytes and JSON in their one spelling -------------------------------------------------------------------------------------------------


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad("audit.note", "not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Bad("audit.note", "not canonical base64")
    return data


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    if not isinstance(text, str) or re.fullmatch("[A-Za-z0-9_-]*", text) is None or len(text) % 4 == 1:
        raise Bad("audit.bundle", "not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise Bad("audit.bundle", "not canonical base64url")
    return data


def refuse(_):
    raise ValueError("no such number")


def small_int(text):
    if len(text) > 20:
        raise ValueError("no such number")
    return int(text)


def walk(value, depth=0):
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, dict) and not all(map(str.isascii, value)):
        raise ValueError("a name that is not ASCII")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,)
    for item in items:
        if isinstance(item, (dict, list)):
            walk(item, depth + 1)
        elif type(item) is int and not -SAFE_INT <= item <= SAFE_INT:
            raise ValueError("a number beyond 2**53-1")


READ = json.JSONDecoder(parse_float=refuse, parse_constant=refuse, parse_int=small_int).decode
WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False).encode


def canonical(data, limit, code, what):
    """The value in canonical JSON (RFC 8785, integers only); Bad for any other bytes."""
    try:
        if len(data) > limit:
            raise ValueError("too long")
        value = READ(data.decode("utf-8"))
        walk(value)
        if WRITE(value).encode("utf-8") != data:
            raise ValueError("another spelling")
    except (ValueError, RecursionError):
        raise Bad(code, f"{what} is not canonical JSON") from None
    return value


# --- the archive: stored members, sorted, in one form -------------------------------------------------------------------------------------

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}(\.[a-z0-9]{1,10})?(/[a-z0-9][a-z0-9_-]{0,40}(\.[a-z0-9]{1,10})?)?")
LOCAL, CENTRAL, END = struct.Struct("<4sHHHHHIIIHH"), struct.Struct("<4sHHHHHHIIIHHHHHII"), struct.Struct("<4sHHHHIIH")


def unpack(data):
    """(name -> bytes, names whose checksum does not fit) of an archive; nothing is extracted or inflated."""
    if len(data) > MAX_FILE:
        raise Bad("audit.archive", "the file is larger than a bundle may be")
    found, central, at = {}, [], 0
    damaged, last = [], ""
    while data[at : at + 4] == b"PK\x03\x04":
        if len(found) == MAX_MEMBERS or at + LOCAL.size > len(data):
            raise Bad("audit.archive", "too many members")
        crc, size, _, length = LOCAL.unpack_from(data, at)[6:10]
        start = at + LOCAL.size + length
        label = data[at + LOCAL.size : start]
        name = label.decode("ascii", "replace")
        if start + size > len(data) or NAME.fullmatch(name) is None or (found and last >= name):
            raise Bad("audit.archive", "a member has no plain name, comes twice or is longer than the file")
        if data[at:start] != LOCAL.pack(b"PK\x03\x04", 10, 0, 0, 0, 0x21, crc, size, size, len(label), 0) + label:
            raise Bad("audit.archive", "a member is stored in another form")
        central.append(
            CENTRAL.pack(b"PK\x01\x02", 788, 10, 0, 0, 0, 0x21, crc, size, size, len(label), 0, 0, 0, 0, 0o100644 << 16, at) + label
        )
        body = data[start : start + size]
        if zlib.crc32(body) != crc:
            damaged.append(name)
        found[name], last, at = body, name, start + size
    directory = b"".join(central)
    end = END.pack(b"PK\x05\x06", 0, 0, len(found) & 0xFFFF, len(found) & 0xFFFF, len(directory), at, 0)
    if not found or data[at:] != directory + end:
        raise Bad("audit.archive", "not an archive in the one form that a bundle has")
    return found, damaged


# --- tree (RFC 6962, RFC 9162) ------------------------------------------------------------------------------------------------------------


def leaf_hash(entry):
    return sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return sha256(b"\1" + left + right).digest()


def grow(edge, leaf):
    """Append to a right edge [size, hashes]."""
    size, hashes = edge
    rest = size
    while rest & 1:
        leaf = node_hash(hashes.pop(), leaf)
        rest >>= 1
    hashes.append(leaf)
    edge[0] = size + 1


def edge_root(edge):
    if not edge[1]:
        return sha256(b"").digest()
    root = edge[1][-1]
    for left in reversed(edge[1][:-1]):
        root = node_hash(left, root)
    return root


def check_inclusion(index, size, path, leaf, root):
    if not 0 <= index < size <= SAFE_INT or any(len(node) != 32 for node in path):
        raise Bad("audit.proof", "the proof is malformed")
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Bad("audit.proof", "the inclusion proof is too long")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if last or node != root:
        raise Bad("audit.root", "the record is not below this root")


def check_consistency(first, second, path, first_root, second_root):
    if not 0 < first < second <= SAFE_INT or any(len(node) != 32 for node in path):
        raise Bad("audit.proof", "the proof is malformed")
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        raise Bad("audit.proof", "the consistency proof is too short")
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Bad("audit.proof", "the consistency proof is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise Bad("audit.fork", "the later tree does not extend the earlier one")


# --- keys and checkpoints (C2SP signed notes) ---------------------------------------------------------------------------------------------

KEY_NAME = re.compile(r"[^\s+]{1,255}")


def parse_key(text):
    """(name, hint, public) of a verifier key `name+hash+base64`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Bad("audit.vkey", "a verifier key is name+hash+base64")
    name, hint, data = parts[0], parts[1], unbase64(parts[2])
    if len(data) != 33 or data[0] != 1 or KEY_NAME.fullmatch(name) is None:
        raise Bad("audit.vkey", "a verifier key is an Ed25519 key with a name")
    key = (name, sha256(name.encode() + b"\n\1" + data[1:]).digest()[:4], data[1:])
    if hint != key[1].hex():
        raise Bad("audit.vkey", "a verifier key's hash does not fit it")
    return key


def key_text(key):
    return f"{key[0]}+{key[1].hex()}+{base64.b64encode(bytes([1]) + key[2]).decode()}"


def open_checkpoint(note, keys):
    """(origin, size, root) of a note signed by one of the keys."""
    return open_note(note, keys)[:3]


def open_note(note, keys):
    """The same, then the key that signed, the signed text, and the signature lines as (name, bytes)."""
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("audit.note", "a note is UTF-8") from None
    body, gap, tail = whole.rpartition("\n\n")
    if len(note) > MAX_NOTE or any(ord(c) < 32 and c != "\n" for c in whole) or not gap or not tail.endswith("\n") or not body:
        raise Bad("audit.note", "a note is text, an empty line, and signature lines")
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or KEY_NAME.fullmatch(parts[1]) is None:
            raise Bad("audit.note", "a malformed signature line")
        blob = unbase64(parts[2])
        if len(blob) < 5:
            raise Bad("audit.note", "a malformed signature line")
        signatures.append((parts[1], blob))
    text, signer = body.encode() + b"\n", None
    for name, blob in signatures:
        for key in keys:
            if (key[0], key[1]) == (name, blob[:4]):
                check_signature(key[2], blob[4:], text)
                signer = signer or key
    if signer is None:
        raise Bad("audit.untrusted", "the checkpoint is not signed by a key that is trusted here")
    lines = body.split("\n")
    if len(lines) != 3 or KEY_NAME.fullmatch(lines[0]) is None or re.fullmatch("0|[1-9][0-9]{0,15}", lines[1], re.ASCII) is None:
        raise Bad("audit.checkpoint", "a checkpoint is exactly origin, size and root")
    size, root = int(lines[1]), unbase64(lines[2])
    if len(root) != 32 or size > SAFE_INT or lines[0] != signer[0] or (size == 0 and root != sha256(b"").digest()):
        raise Bad("audit.checkpoint", "a checkpoint is exactly origin, size and root")
    return lines[0], size, root, signer, text, signatures


# --- the verifier's own policy file (C2SP tlog-policy), and proofs of what witnesses have seen --------------------------------------------


def parse_cosigner(text):
    """(name, hint, public) of a witness's verifier key for Ed25519 cosignatures."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Bad("audit.vkey", "a verifier key is name+hash+base64")
    name, data = parts[0], unbase64(parts[2])
    if data[:1] == b"\x06" and len(data) == 1313:
        raise Bad("audit.unsupported", "this verifier knows no ML-DSA-44: use the package")
    if len(data) != 33 or data[0] != 4 or not name or len(name.encode()) > 255 or any(c.isspace() or c == "+" for c in name):
        raise Bad("audit.vkey", "a witness's key is an Ed25519 key for cosignatures, with a name")
    hint = sha256(name.encode() + b"\n" + data).digest()[:4]
    if parts[1] != hint.hex():
        raise Bad("audit.vkey", "a verifier key's hash does not fit it")
    return name, hint, data[1:]


def second_name(text):
    """The name in a log's ML-DSA-44 key, None for a key of another type: what is signed by it is not checked here."""
    name, _, rest = text.partition("+")
    hint, _, packed = rest.partition("+")
    data = unbase64(packed)
    if data[:1] != b"\x06":
        return None
    if len(data) != 1313 or KEY_NAME.fullmatch(name) is None or hint != sha256(name.encode() + b"\n" + data).digest()[:4].hex():
        raise Bad("audit.vkey", "a log's ML-DSA-44 key has a name and a hash that fits it")
    return name


class Policy:
    """A policy file: `logs`, `seconds` (names of logs with an ML-DSA-44 key too, which is not checked here), `witnesses` by name,
    `groups` as name -> (how many, members), `quorum` (None for none). Bad for any other.

    `fresh`: how new what was seen must be: the earliest epoch, the greatest age in seconds, and the time now; None asks for nothing.
    """

    def __init__(self, data, fresh=(None, None, None)):
        self.fresh = fresh
        self.logs, self.seconds, self.witnesses, self.groups, used, quorums = [], set(), {}, {}, set(), []
        if len(data) > 256 * 1024 or data.count(b"\n") > 4096 or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
            raise Bad("audit.policy", "a policy file is at most 256 KiB of lines without control characters")
        try:
            lines = data.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise Bad("audit.policy", "a policy file is UTF-8") from None
        for number, line in enumerate(lines, start=1):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words == [""] or words[0].startswith("#"):
                continue
            try:
                self.take(words[0], words[1:], used, quorums)
            except Bad as bad:
                raise Bad("audit.policy", f"line {number} of the policy: {bad}") from None
        if not quorums:
            raise Bad("audit.policy", "a policy has one quorum line")
        if self.seconds - {key[0] for key in self.logs}:
            raise Bad("audit.policy", "a log's ML-DSA-44 key stands beside its Ed25519 key")
        self.quorum = None if quorums[0] == "none" else quorums[0]

    def take(self, kind, rest, used, quorums):
        names = {"none", *self.witnesses, *self.groups}
        if kind == "log" and len(rest) in (1, 2) and (name := second_name(rest[0])):
            if name in self.seconds:
                raise Bad("audit.policy", "this log has an ML-DSA-44 key already")
            self.seconds.add(name)
        elif kind == "log" and len(rest) in (1, 2):
            key = parse_key(rest[0])
            if any(known[2] == key[2] for known in self.logs):
                raise Bad("audit.policy", "this log's key stands here twice")
            self.logs.append(key)
        elif kind == "witness" and len(rest) in (2, 3):
            key = parse_cosigner(rest[1])
            if rest[0] in names or any(known[2] == key[2] for known in self.witnesses.values()):
                raise Bad("audit.policy", "this name is taken, or the key stands here twice")
            self.witnesses[rest[0]] = key
        elif kind == "group" and len(rest) >= 3:
            name, wanted, members = rest[0], rest[1], rest[2:]
            if name in names or any(one not in names - {"none"} or one in used for one in members) or len(set(members)) != len(members):
                raise Bad("audit.policy", "this name is taken, or a member does not stand above or is one of a group already")
            used.update(members)
            count = {"all": str(len(members)), "any": "1"}.get(wanted, wanted)
            if re.fullmatch("[1-9][0-9]{0,5}", count) is None or int(count) > len(members):
                raise Bad("audit.policy", "a group asks for all, any, or 1 to as many as it has")
            self.groups[name] = (int(count), members)
        elif kind == "quorum" and len(rest) == 1 and not quorums and rest[0] in names:
            quorums.append(rest[0])
        else:
            raise Bad("audit.policy", "is no log, witness, group or (one) quorum line")

    def count(self, seen):
        """(whether the witnesses of these names are the quorum, the members of it that they make up)."""
        if self.quorum is None:
            return True, []
        wanted, members = self.groups.get(self.quorum, (1, [self.quorum]))
        found = sorted(name for name in members if self.witnessed(name, seen))
        return len(found) >= wanted, found

    def witnessed(self, name, seen):
        if name not in self.groups:
            return name in seen
        wanted, members = self.groups[name]
        return sum(self.witnessed(one, seen) for one in members) >= wanted


MAX_PROOF, MAX_EPOCH, MAX_SLOTS = 65536, 1024, 2**17


def fixed(value, size):
    data = unb64url(value)
    if len(data) != size:
        raise Bad("audit.proof", "a value of another length")
    return data


def whole(value, most=SAFE_INT):
    if type(value) is not int or not 0 <= value <= most:
        raise Bad("audit.proof", "a number that is malformed")
    return value


def packed_path(value):
    data = unb64url(value)
    if len(data) % 32 or len(data) > 64 * 32:
        raise Bad("audit.proof", "a path is up to 64 hashes of 32 bytes")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def members_of(value, *names):
    if not isinstance(value, dict) or set(value) != set(names):
        raise Bad("audit.proof", "a proof has other members than its form")
    return [value[name] for name in names]


def slot_proof(data):
    """A slot proof as a dict, its form checked and nothing believed; Bad for any other bytes."""
    value = canonical(data, MAX_PROOF, "audit.proof", "the proof")
    version, anchor, head, record = members_of(value, "$", "anchor", "head", "record")
    if version != "intended.audit/proof.v1" or record is not None:
        raise Bad("audit.proof", "no slot proof of a known version")
    entry, note, anchor_path = members_of(anchor, "entry", "note", "path")
    generation, size, origin, previous, path, root, salt, slot = members_of(head, "g", "n", "o", "p", "path", "r", "salt", "slot")
    if not all(isinstance(text, str) for text in (entry, note, origin)) or not entry.isascii() or not 1 <= len(origin.encode()) <= 255:
        raise Bad("audit.proof", "a text of the proof is malformed")
    proof = {
        "entry": entry.encode(), "note": note.encode(), "anchor_path": packed_path(anchor_path), "path": packed_path(path),
        "origin": origin, "generation": whole(generation), "size": whole(size), "root": fixed(root, 32), "slot": whole(slot, MAX_SLOTS - 1),
    }  # fmt: skip
    name = origin.encode()
    proof["leaf"] = sha256(
        b"\0intended.audit/slot.v1\0" + proof["slot"].to_bytes(8, "big") + fixed(salt, 16) + len(name).to_bytes(2, "big") + name
        + proof["generation"].to_bytes(8, "big") + proof["size"].to_bytes(8, "big") + proof["root"] + fixed(previous, 32)
    ).digest()  # fmt: skip
    return proof


def check_epoch(raw, identity):
    """(epoch, width, root) of an entry of the anchor log, its signature and certificate checked."""
    value = canonical(raw, MAX_EPOCH, "audit.epoch", "an epoch's entry")
    version, origin, epoch, root, width, time, before, key, following, certificate, signature = members_of(
        value, "$", "o", "e", "r", "w", "t", "b", "k", "n", "c", "s"
    )
    whole(epoch), whole(time), whole(width, MAX_SLOTS), fixed(following, 32)
    if before is not None:
        fixed(before, 32)
    if version != "intended.audit/epoch.v1" or not isinstance(origin, str) or width < 16 or width & (width - 1):
        raise Bad("audit.epoch", "an epoch's entry is of an unknown form")
    if origin != identity[0] or not origin.isascii():
        raise Bad("audit.epoch", "an epoch of another anchor log")
    key, certified = fixed(key, 32), None if certificate is None else fixed(certificate, 64)
    unsigned = {name: item for name, item in value.items() if name != "s"}
    message = json.dumps(unsigned, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    check_signature(key, fixed(signature, 64), b"intended.audit/epoch.v1\0" + message)
    if certified is not None:
        parts = (origin.encode(), epoch.to_bytes(8, "big"), key)
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        check_signature(identity[2], certified, b"intended.audit/epoch-key.v1\0" + framed)
    return epoch, width, fixed(root, 32)


def cosigners(text, signatures, policy):
    """name in the policy -> newest time, of the witnesses that cosigned; Bad when a line under a known key does not hold."""
    found = {}
    for name, blob in signatures:
        for short, key in policy.witnesses.items():
            if (key[0], key[1]) != (name, blob[:4]):
                continue
            time = int.from_bytes(blob[4:12], "big")
            if len(blob) != 76 or time > 2**63 - 1:
                raise Bad("audit.cosignature", "a cosignature is a time and a signature")
            check_signature(key[2], blob[12:], b"cosignature/v1\ntime %d\n" % time + text)
            found[short] = max(time, found.get(short, 0))
    return found


def attested(proof, policy):
    """(epoch, who cosigned with times), every path and signature of the proof checked under the policy."""
    _, size, root, signer, text, signatures = open_note(proof["note"], policy.logs)
    epoch, width, slots = check_epoch(proof["entry"], signer)
    check_inclusion(epoch, size, proof["anchor_path"], leaf_hash(proof["entry"]), root)
    check_inclusion(proof["slot"], width, proof["path"], proof["leaf"], slots)
    return epoch, cosigners(text, signatures, policy)


NOT_SEEN = {"anchored": None, "epoch": None, "organisations": [], "seen_s": None}


AHEAD = 300  # seconds that a witness's clock may be ahead of ours before its time says nothing


def check_anchor(find, anchor, policy, claims, head, slot, last):
    """(the best grade that the bundle may have, what somebody outside has seen). `anchor`: (proof, link) or None."""
    if policy is None:
        return "CONSISTENT_UNANCHORED", NOT_SEEN
    best, facts = judge_anchor(find, anchor, policy, claims, head, slot, last)
    min_epoch, max_age, now = policy.fresh
    epoch, seen = facts["epoch"], facts["seen_s"]
    if min_epoch is not None and (epoch is None or epoch < min_epoch):
        shown_epoch = "none that anybody outside has seen" if epoch is None else epoch
        find("anchor.epoch", f"you ask for epoch {min_epoch} or a later one, and the bundle shows {shown_epoch}", grade="INCOMPLETE")
    if max_age is not None and (seen is None or not now - max_age <= seen <= now + AHEAD):
        told = "none has seen it" if seen is None else f"it was seen at {seen} (seconds since 1970)"
        find("anchor.age", f"you ask for what a witness saw within {max_age} seconds before {now}, and {told}", grade="INCOMPLETE")
    return best, facts


def judge_anchor(find, anchor, policy, claims, head, slot, last):
    """The same, however old it is."""
    best = "CONSISTENT_UNANCHORED"
    if anchor is None:
        find("anchor.missing", "the bundle shows nothing that somebody outside has seen", grade=best)
        return best, NOT_SEEN
    proof, link = anchor
    if proof["origin"] != claims["origin"] or proof["generation"] > claims["generation"] or proof["slot"] != slot:
        find("anchor.foreign", "the anchor's proof is of another log or slot than the genesis record names")
        return best, NOT_SEEN
    try:
        epoch, seen = attested(proof, policy)
    except Bad as bad:
        if bad.code == "audit.untrusted":
            find("anchor.untrusted", "no log of your policy file signed the anchor's checkpoint", grade=best)
        else:
            find("anchor.proof", f"the anchor's proof does not hold: {bad}")
        return best, NOT_SEEN
    if open_note(proof["note"], policy.logs)[0] in policy.seconds:
        find("anchor.unchecked", "your policy file asks for the log's ML-DSA-44 signature, not checked here: use the package", grade=best)
        return best, NOT_SEEN
    size, root = proof["size"], proof["root"]
    if size > head[1]:
        find("log.truncated", f"the bundle speaks of {head[1]} records, but its anchor of {size}", head[1], "TRUNCATED")
    elif size <= last:
        find("anchor.stale", f"the anchor's proof speaks of {size} records, and the bundle of record {last}", grade=best)
    elif size == head[1] and root != head[2]:
        find("head.fork", f"the anchor and the checkpoint name two heads of {size} records", grade="FORKED")
    elif size != head[1] and (link is None or link[:2] != (size, head[1])):
        find("anchor.link", "the bundle does not show that its log continues the anchored head", grade="INCOMPLETE")
    else:
        try:
            if size != head[1]:
                check_consistency(size, head[1], link[2], root, head[2])
        except Bad as bad:
            find("head.fork", f"the log does not continue the anchored head: {bad}", grade="FORKED")
            return best, NOT_SEEN
        if not seen:
            find("anchor.witness", "no witness of your policy file cosigned the anchor's checkpoint", grade=best)
            return best, NOT_SEEN
        met, members = policy.count(set(seen))
        if not met:
            find("anchor.quorum", "fewer witnesses cosigned than your policy file asks for", grade="ANCHORED")
        facts = {"anchored": size, "epoch": epoch, "organisations": members, "seen_s": min(seen.values())}
        return "WITNESSED" if met and policy.quorum is not None else "ANCHORED", facts
    return best, NOT_SEEN


def anchor_of(members):
    """(proof, link) of a bundle's members, or None; Bad for another form."""
    if "heads/anchor.json" not in members:
        if "heads/anchor-link.json" in members:
            raise malformed("ties a proof to its checkpoint and has none")
        return None
    return slot_proof(members["heads/anchor.json"]), consistency_of(members.get("heads/anchor-link.json"))


# --- records ------------------------------------------------------------------------------------------------------------------------------

HASH, WORD, INT = "([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])", r"([!#-\[\]-~]{1,255})", "(0|[1-9][0-9]{0,15})"
HEADER = re.compile(
    (
        rf'\{{"\$":"intended\.audit/rec\.v1","b":"{HASH}","e":{INT},"g":{INT},"k":"([a-z_.]+)","o":"{WORD}","p":"{HASH}",'
        rf'"pv":(?:null|"{HASH}"),"s":{INT},"t":"([0-9a-f]{{32}})","th":(?:null|\["{HASH}",{INT},(?:null|{INT})\]),'
        rf'"ts":{INT},"w":"{WORD}","x":(?:null|"{WORD}")\}}'
    ).encode()
)
KINDS = {
    "log.genesis", "log.heartbeat", "log.anchor", "log.prune", "log.redact", "log.recover", "tenant.created", "tenant.closed",
    "decision.allow", "decision.escalate", "decision.deny", "approval.granted", "approval.rejected", "approval.expired",
    "approval.cancelled", "token.issued", "token.consumed", "token.refused", "token.expired", "token.revoked", "token.sign_failed",
    "token.attenuated",
    "refusals.counted", "replay.refused", "action.done", "action.failed", "action.unknown", "obligation.overdue", "key.generated",
    "key.rotated", "key.destroyed", "key.compromised", "key.retired", "key.rewrapped", "policy.drafted", "policy.approved",
    "policy.activated", "policy.simulated", "halt.engaged", "halt.resumed", "meter.reserved", "meter.released",
    "entity.written", "data.written", "person.registered",
    "person.removed", "credential.withdrawn",
    "secret.stored", "secret.opened", "secret.removed", "adapters.loaded", "clock.recovered", "admin.changed",
    "export.bundle", "hold.placed", "hold.lifted",
}  # fmt: skip
OUTCOMES = {"decision.allow": "allow", "decision.escalate": "escalate", "decision.deny": "deny"}


def digest_of(text):
    """The 32 bytes that a text (ASCII bytes) of HASH's form stands for."""
    return binascii.a2b_base64(text.translate(STANDARD) + b"=")


STANDARD = bytes.maketrans(b"-_", b"+/")


def parse_entry(raw):
    """The header as a dict; Bad unless it is in its one form."""
    found = HEADER.fullmatch(raw) if len(raw) <= MAX_ENTRY else None
    if found is None:
        raise Bad("audit.record", "a header is not in its canonical form")
    texts = [None if part is None else part.decode() for part in found.groups()]
    _, epoch, generation, kind, origin, _, policy, seq, tenant, life, step, previous, time, _, _ = texts
    numbers = [int(text) for text in (epoch, generation, seq, step or "0", previous or "0", time)]
    if kind not in KINDS or max(numbers) > SAFE_INT:
        raise Bad("audit.record", "a record of an unknown kind or with a malformed number")
    thread = None
    if life is not None:
        thread = (life, int(step), None if previous is None else int(previous))
        if (thread[1] == 0) != (thread[2] is None) or (thread[2] is not None and thread[2] >= int(seq)):
            raise Bad("audit.record", "a thread starts at 0 and every later step names an earlier record")
    return {
        "body": digest_of(found[1]), "generation": int(generation), "kind": kind, "origin": origin, "link": digest_of(found[6]),
        "policy": policy, "seq": int(seq), "tenant": tenant, "thread": thread, "time": int(time),
    }  # fmt: skip


def parse_body(data, expected):
    if sha256(b"intended.audit/body.v1\0" + len(data).to_bytes(8, "big") + data).digest() != expected:
        raise Bad("audit.body", "a body is not the one its header commits to")
    value = canonical(data, MAX_BODY, "audit.body", "a body")
    salt = value.get("salt") if isinstance(value, dict) else None
    if not isinstance(salt, str) or SALT.fullmatch(salt) is None:
        raise Bad("audit.body", "a body is an object with a salt of 16 bytes")
    return value


SALT = re.compile("[A-Za-z0-9_-]{21}[AQgw]")
MAX_FIELDS, MAX_FIELD_PATH = 4096, 512


def bad_field(text):
    return Bad("audit.field", text)


def shown_fields(digests, data):
    """(path -> value of those that are here, path -> None or the record that erased it of those that are not); Bad for any other."""
    given = {} if data == b"" else canonical(data, MAX_BODY, "audit.field", "a record's fields")
    if not isinstance(digests, dict) or len(digests) > MAX_FIELDS or any(len(path) > MAX_FIELD_PATH for path in digests):
        raise bad_field("a body's fields are not in their form")
    if not isinstance(given, dict) or set(given) - set(digests):
        raise bad_field("a field is here that the record does not name")
    shown, gone = {}, {}
    for path in sorted(digests):
        held = given.get(path)
        if held is None or (type(held) is int and held >= 0):
            gone[path] = held
            continue
        if not isinstance(held, list) or len(held) != 2 or not isinstance(held[0], str):
            raise bad_field("a record's fields are not in their form")
        if re.fullmatch("[A-Za-z0-9_-]{22}", held[0]) is None:
            raise bad_field("a field's salt has 22 characters")
        text = json.dumps(held, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
        if b64url(sha256(b"intended.audit/field.v1\0" + path.encode() + b"\0" + text).digest()) != digests[path]:
            raise bad_field(f"the value of {path} is not the one that the record commits to")
        shown[path] = held[1]
    return shown, gone


def join_fields(body, data):
    """The body with the fields in their places; `$missing` names those that are not here."""
    if "$missing" in body:
        raise bad_field("a body has a member that only its readers make")
    if "fields" not in body:
        if data:
            raise bad_field("fields are here of a body that has none")
        return body
    shown, gone = shown_fields(body["fields"], data)
    made = {name: value for name, value in body.items() if name not in ("fields", "intent")}
    parts = json.loads(json.dumps(body["intent"])) if isinstance(body.get("intent"), dict) else None
    for path, value in shown.items():
        names, place = path.split("."), made
        if names[0] == "intent" and len(names) > 1:
            place, names = parts, names[1:]
            for name in names[:-1]:
                place = place.get(name) if isinstance(place, dict) else None
        else:
            names = [path]
        if not isinstance(place, dict) or names[-1] in place or path == "intent":
            raise bad_field("a field stands in a place that is taken or not there")
        place[names[-1]] = value
    if parts is None:
        made.update({"intent": body["intent"]} if "intent" in body else {})
    elif not any(path.startswith("intent.") for path in gone):
        try:
            walk(parts)
        except ValueError:
            raise bad_field("an intent is not in its form") from None
        made["intent"] = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return {**made, "$missing": gone} if gone else made


class Signers:
    """Persons as records introduce them: who may sign for what takes two. `whole`: no record is left out, so others nobody introduced."""

    def __init__(self, whole):
        self.whole, self.keys, self.seen = whole, {}, set()

    def take(self, kind, body):
        """Look at a record; a body that is None may have been of anybody."""
        if kind not in ("person.registered", "person.removed"):
            return
        if body is None:
            self.whole, self.keys, self.seen = False, {}, set()
            return
        name, roles = str(body.get("person") or []), body.get("roles", ["approver"])
        self.keys.pop(name, None)
        self.seen.add(name)
        if kind == "person.registered" and isinstance(roles, list) and {"approver", "admin"} & {str(role) for role in roles}:
            self.keys[name] = body.get("key")

    def check(self, person):
        """Bad unless this person may sign under this key, or might: nothing here says otherwise."""
        name = str(person[:2])
        if self.keys.get(name) != person[2] and (self.whole or name in self.seen):
            raise Bad("audit.erasure", "signed by a person that may not, or that is not known here")


def erasure_permits(record, seen, claims):
    """The (seq, path) whose erasure this record permits; Bad when two persons of the log have not signed it."""
    signers = Signers(True)
    for seq in sorted(each for each in seen if each < record["seq"]):
        signers.take(seen[seq]["kind"], seen[seq]["value"] or {})
    return erasure_parts(record, signers, claims)


def erasure_parts(record, signers, claims):
    """The same, of persons that were looked at already."""
    body = record["value"] or {}
    names, parts, persons, expires = ("basis", "places", "reason"), body.get("parts", []), body.get("persons"), body.get("expires")
    if record["kind"] not in ("log.redact", "log.prune") or not isinstance(parts, list) or not isinstance(persons, list):
        raise Bad("audit.erasure", "not an erasure in its form")
    found, before, places = set(), -1, body.get("places")
    for item in parts:
        if not isinstance(item, list) or len(item) != 2 or type(item[0]) is not int or not isinstance(item[1], list):
            raise Bad("audit.erasure", "not an erasure in its form")
        if not all(isinstance(path, str) for path in item[1]) or not before < item[0] < record["seq"]:
            raise Bad("audit.erasure", "not an erasure in its form")
        if not item[1] or item[1] != sorted(set(item[1])):
            raise Bad("audit.erasure", "not an erasure in its form")
        found.update((item[0], path) for path in item[1])
        before = item[0]
    if not isinstance(places, list) or max(len(places), len(parts)) > 10_000:
        raise Bad("audit.erasure", "not an erasure in its form")
    if not isinstance(body.get("basis"), str) or not isinstance(body.get("reason"), str):
        raise Bad("audit.erasure", "not an erasure in its form")
    before = -1
    for place in places:
        if not isinstance(place, list) or len(place) != 2 or not all(type(number) is int for number in place):
            raise Bad("audit.erasure", "not an erasure in its form")
        if not before < place[0] < place[1] <= record["seq"]:
            raise Bad("audit.erasure", "not an erasure in its form")
        before = place[1]
    if type(expires) is not int or not 0 < expires < 2**63 or not parts:
        raise Bad("audit.erasure", "not an erasure in its form")
    said = {**{name: body.get(name) for name in names}, "kind": record["kind"], "parts": parts}
    subject = framed_digest(b"intended.erasure/v1", json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode())
    environment, numbers = claims["environment"].encode(), (record["generation"], expires)
    statement = framed_digest(
        b"intended.statement/v1", b"audit.erase", claims["uuid"].encode(), environment,
        *(number.to_bytes(8, "big") for number in numbers), subject,
    )  # fmt: skip
    signed = set()
    for person in persons:
        if not isinstance(person, list) or len(person) != 4 or not all(isinstance(part, str) for part in person):
            raise Bad("audit.erasure", "not an erasure in its form")
        signers.check(person)
        parts = (b"intended.person-signature/v1", statement)
        check_signature(unb64url(person[2]), unb64url(person[3]), b"".join(len(part).to_bytes(8, "big") + part for part in parts))
        signed.add((str(person[:2]), person[2]))
    if min(len({name for name, _ in signed}), len({key for _, key in signed})) < 2:
        raise Bad("audit.erasure", "an erasure takes two persons")
    return found


MAX_MARKED = 100_000  # records of a stretch whose marks wait for what they name; of further ones nothing is said


class Marks:
    """Fields of a stretch that are said to be erased: the record that a mark names is looked at when it comes. `bad`: (seq, by) or None."""

    def __init__(self, claims):
        self.claims, self.signers = claims, Signers(claims["first"] <= 2)
        self.waiting, self.paths, self.count, self.bad = {}, {}, 0, None

    def note(self, seq, gone):
        named = {}
        for path in sorted(gone):
            if type(gone[path]) is int:
                named.setdefault(gone[path], []).append(path)
        for by, paths in named.items():
            if not seq < by < self.claims["size"]:
                self.refuse(seq, by)
            elif by < self.claims["stop"] and self.count < MAX_MARKED:
                self.count += 1
                self.waiting.setdefault(by, {})[seq] = self.paths.setdefault(tuple(paths), tuple(paths))

    def take(self, record):
        if record["kind"] not in ("log.redact", "log.prune"):
            self.signers.take(record["kind"], record["value"])
            return
        waiting = self.waiting.pop(record["seq"], {})
        self.count -= len(waiting)
        if not waiting or record["value"] is None:
            return
        try:
            permitted = erasure_parts(record, self.signers, self.claims)
        except Bad:
            self.refuse(min(waiting), record["seq"])
            return
        for seq, paths in waiting.items():
            if not all((seq, path) in permitted for path in paths):
                self.refuse(seq, record["seq"])

    def refuse(self, seq, by):
        self.bad = min(self.bad or (seq, by), (seq, by))

    def finding(self):
        """The first mark that does not hold, to be asked at the end: what still waits named a record that erases nothing."""
        for by, waiting in self.waiting.items():
            self.refuse(min(waiting), by)
        if self.bad is None:
            return None
        text = f"record {self.bad[0]}: fields are said to be erased by record {self.bad[1]}, which does not permit it"
        return ("field.erasure", "TAMPERED", self.bad[0], text)


def framed_digest(*parts):
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


# --- the bundle's form --------------------------------------------------------------------------------------------------------------------

REQUIRED = {"README.txt", "manifest.json", "entries.jsonl", "proofs.jsonl", "heads/checkpoint", "keys/log.vkey", "keys/tokens.json"}
INPUTS = ["inputs/intent.json", "inputs/entities.json", "policy/names.json"]


def malformed(text, code="audit.bundle"):
    return Bad(code, f"the bundle {text}")


def lines_of(data, limit):
    if data.count(b"\n") > limit or (data and not data.endswith(b"\n")):
        raise malformed("has too many lines or an unfinished one")
    lines = data[:-1].split(b"\n") if data else []
    if any(not 0 < len(line) <= MAX_LINE for line in lines):
        raise malformed("has an empty or overlong line")
    return lines


def path_of(value):
    if not isinstance(value, list) or len(value) > MAX_PATH:
        raise malformed("has a malformed proof")
    return [unb64url(item) for item in value]


def proof_of(line):
    value = canonical(line, MAX_LINE, "audit.bundle", "a proof")
    if not isinstance(value, dict) or set(value) != {"s", "path"} or type(value["s"]) is not int or value["s"] < 0:
        raise malformed("has a malformed proof")
    return value["s"], path_of(value["path"])


def frontier_of(edge):
    size = int.from_bytes(edge[:8], "big")
    if len(edge) < 8 or size > SAFE_INT or len(edge) != 8 + 32 * bin(size).count("1"):
        raise malformed("has a malformed frontier", "audit.frontier")
    return size, [edge[at : at + 32] for at in range(8, len(edge), 32)]


def log_key(data):
    text = data.decode("utf-8", "replace")
    if "\ufffd" in text or len(text) > 1024 or not text.endswith("\n"):
        raise malformed("has a malformed log key")
    return parse_key(text[:-1])


def consistency_of(data):
    if data is None:
        return None
    value = canonical(data, MAX_LINE, "audit.bundle", "the consistency proof")
    if not isinstance(value, dict) or set(value) != {"first", "second", "path"}:
        raise malformed("has a malformed consistency proof")
    if type(value["first"]) is not int or type(value["second"]) is not int:
        raise malformed("has a malformed consistency proof")
    return value["first"], value["second"], path_of(value["path"])


def read_manifest(data, version="https://intended.dev/evidence/v1"):
    code = "audit.manifest"
    envelope = canonical(data, 2 * MAX_MANIFEST, code, "the manifest")
    if not isinstance(envelope, dict) or set(envelope) != {"payload", "payloadType", "signatures"}:
        raise malformed("has no DSSE envelope", code)
    signed = envelope["signatures"]
    if envelope["payloadType"] != "application/vnd.in-toto+json" or not isinstance(signed, list) or len(signed) != 1:
        raise malformed("has no in-toto statement with one signature", code)
    signed = signed[0]
    if not isinstance(signed, dict) or set(signed) != {"keyid", "sig"} or not all(isinstance(part, str) for part in signed.values()):
        raise malformed("has a malformed signature", code)
    if not isinstance(envelope["payload"], str):
        raise malformed("has no statement", code)
    payload = unbase64(envelope["payload"])
    statement = canonical(payload, MAX_MANIFEST, code, "the statement")
    if not isinstance(statement, dict) or set(statement) != {"_type", "subject", "predicateType", "predicate"}:
        raise malformed("has no statement", code)
    predicate, subject = statement["predicate"], statement["subject"]
    kinds = (statement["_type"], statement["predicateType"])
    if kinds != ("https://in-toto.io/Statement/v1", version) or not isinstance(predicate, dict):
        raise malformed("is of an unknown version", code)
    sizes = predicate.get("sizes")
    if not isinstance(sizes, dict) or not isinstance(subject, list) or len(subject) != len(sizes):
        raise malformed("does not list its members", code)
    members = {}
    for item in subject:
        if not isinstance(item, dict) or set(item) != {"digest", "name"} or not isinstance(item["digest"], dict):
            raise malformed("lists a malformed member", code)
        name, digest = item["name"], item["digest"].get("sha256")
        size = sizes.get(name) if isinstance(name, str) else None
        if type(size) is not int or size < 0 or set(item["digest"]) != {"sha256"} or not isinstance(digest, str) or name in members:
            raise malformed("lists a malformed member", code)
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            raise malformed("lists a malformed member", code)
        members[name] = (size, digest)
    return members, predicate, payload, signed["keyid"], unbase64(signed["sig"])


def read_claims(predicate):
    scope = predicate.get("scope")
    if not isinstance(scope, dict):
        raise malformed("has malformed claims", "audit.manifest")
    claims = {
        "origin": scope.get("origin"), "tenant": scope.get("tenant"), "uuid": scope.get("uuid"),
        "environment": scope.get("environment"), "generation": scope.get("generation"), "decision": predicate.get("decision"),
        "size": predicate.get("size"), "made_us": predicate.get("made_us"), "engine": predicate.get("engine"),
    }  # fmt: skip
    texts = ("origin", "tenant", "uuid", "engine")
    numbers = ("generation", "decision", "size", "made_us")
    if not all(isinstance(claims[name], str) for name in texts) or not all(type(claims[name]) is int for name in numbers):
        raise malformed("has malformed claims", "audit.manifest")
    expected = {
        "format": "intended.evidence/v1",
        "claim": f"decision {claims['decision']} stands in this log, with these inputs, and with this life after it",
        "scope": {name: claims[name] for name in ("origin", "tenant", "uuid", "environment", "generation")},
        "decision": claims["decision"], "size": claims["size"], "made_us": claims["made_us"], "engine": claims["engine"],
        "not_covered": NOT_COVERED,
    }  # fmt: skip
    if claims["environment"] not in ("live", "test") or {k: v for k, v in predicate.items() if k != "sizes"} != expected:
        raise malformed("has malformed claims", "audit.manifest")
    return claims


class Bundle:
    """A bundle whose form is right; nothing in it is believed yet. Bad for any other form."""

    def __init__(self, data):
        self.members, self.damaged = unpack(data)
        members = self.members
        if not REQUIRED <= set(members):
            raise malformed(f"lacks {min(REQUIRED - set(members))}")
        self.listed, predicate, self.payload, self.hint, self.signature = read_manifest(members["manifest.json"])
        self.proofs = []
        for line in lines_of(members["proofs.jsonl"], MAX_RECORDS):
            self.proofs.append(proof_of(line))
        self.entries = lines_of(members["entries.jsonl"], MAX_RECORDS)
        if len(self.proofs) != len(self.entries) or not self.entries:
            raise malformed("has not one proof for each record")
        known = REQUIRED | {f"{folder}/{seq:016d}.json" for seq, _ in self.proofs for folder in ("bodies", "fields")}
        self.inputs = None
        present = [name for name in INPUTS if name in members]
        if present and len(present) != len(INPUTS):
            raise malformed("holds only a part of the decision's inputs")
        if present:
            names = canonical(members["policy/names.json"], 1 << 20, "audit.bundle", "the list of policy names")
            if not isinstance(names, list) or len(names) > MAX_SOURCES:
                raise malformed("has a malformed list of policy names")
            files = [f"policy/{number:04d}.policy" for number in range(len(names))]
            if not all(isinstance(name, str) and file in members for name, file in zip(names, files)):
                raise malformed("has a malformed list of policy names")
            try:
                for file in files:
                    members[file].decode("utf-8")
            except UnicodeDecodeError:
                raise malformed("holds a policy that is not UTF-8") from None
            self.inputs = (members["inputs/intent.json"], members["inputs/entities.json"])
            known = known | set(INPUTS) | set(files) | {"inputs/data.json"}
        edge, headers = members.get("heads/frontier"), members.get("heads/headers.jsonl")
        self.before, self.headers = None, []
        if (edge is None) != (headers is None):
            raise malformed("holds only a part of a range of headers")
        if edge is not None:
            self.headers = lines_of(headers, MAX_HEADERS)
            self.before = frontier_of(edge)
            known = known | {"heads/frontier", "heads/headers.jsonl"}
        self.claims = read_claims(predicate)
        self.key = log_key(members["keys/log.vkey"])
        tokens = canonical(members["keys/tokens.json"], 256 * 1024, "audit.bundle", "the key set")
        self.tokens = tokens.get("keys") if isinstance(tokens, dict) and set(tokens) == {"keys"} else None
        if not isinstance(self.tokens, list) or not all(
            isinstance(key, dict) and isinstance(key.get("kid"), str) and "d" not in key for key in self.tokens
        ):
            raise malformed("has a malformed key set")
        self.consistency = consistency_of(members.get("heads/consistency.json"))
        self.anchor = anchor_of(members)
        known = known | {"heads/consistency.json", "heads/anchor.json", "heads/anchor-link.json"}
        if set(members) - known:
            raise malformed(f"holds an unknown member {min(set(members) - known)}")


def shown(text):
    cut = text if len(text) <= 200 else text[:200] + "..."
    return "".join(char if 32 <= ord(char) < 127 else f"\\u{{{ord(char):x}}}" for char in cut)


def moment(time_us):
    try:
        return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return f"{time_us} microseconds since 1970"


def readme(bundle):
    """The one text that the README may have: it follows from the rest."""
    claims = bundle.claims
    life = (
        "It holds the header of every later record up to that size, so it also shows that nothing else happened to this token\n"
        "up to then.\n"
        if bundle.before is not None
        else "It does not show whether more happened to this token later.\n"
    )
    return (
        "EVIDENCE OF ONE DECISION\n\n"
        f"Tenant:       {shown(claims['tenant'])} ({shown(claims['uuid'])}, {claims['environment']})\n"
        f"Log:          {shown(claims['origin'])}, generation {claims['generation']}\n"
        f"Decision:     record {claims['decision']} of {claims['size']}\n"
        f"Written:      {moment(claims['made_us'])} by {shown(claims['engine'])}\n"
        f"Log key:      {shown(key_text(bundle.key))}\n\n"
        f"This file holds {len(bundle.entries)} records of the log named above, a mathematical proof for each that it stands in the log"
        f" as the log\nwas when it had {claims['size']} records, the signed statement of that state (heads/checkpoint), the public keys,"
        " and, where a\nrule decided, the policy, the request and the facts that the decision rested on, so that it can be taken again.\n"
        f"{life}\nTo check it, on any computer, without a network:\n\n  intended evidence verify FILE --pin KEY\n\n"
        "KEY is the log key as you received it from the issuer on another way, at another time. The key printed above came with\n"
        "this file: alone it shows only that the file fits itself.\n\nWhat this file cannot show:\n\n"
        + "\n".join(f"  - {text}" for text in NOT_COVERED)
        + "\n"
    ).encode()


# --- the examination ----------------------------------------------------------------------------------------------------------------------

ED25519_DER = bytes.fromhex("302a300506032b6570032100")
RSA_DER, RSA_TAIL = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100"), bytes.fromhex("0203010001")


P256_DER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
P256_PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def token_jwk(algorithm, text):
    """The JWK members of a token key in SubjectPublicKeyInfo, with its algorithm."""
    der = unb64url(text)
    if algorithm in ("RS256", "PS256"):
        return dict(rsa_jwk(der), alg=algorithm)
    if algorithm == "ES256" and len(der) == 91 and der[:27] == P256_DER:
        x, y = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big")
        if x < P256_PRIME and y < P256_PRIME and (y * y - (x * x * x - 3 * x + P256_B)) % P256_PRIME == 0:
            return {"kty": "EC", "crv": "P-256", "x": b64url(der[27:59]), "y": b64url(der[59:]), "alg": algorithm}
    y = int.from_bytes(der[12:], "little") & (2**255 - 1)
    if algorithm == "Ed25519" and len(der) == 44 and der[:12] == ED25519_DER and y < P and y not in SMALL:
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(der[12:]), "alg": algorithm}
    raise Bad("key.record", "not a token key")


def rsa_jwk(der):
    """The JWK members of an RSA-2048 key in SubjectPublicKeyInfo."""
    number = der[33:289]
    if len(der) != 294 or der[:33] != RSA_DER or der[289:] != RSA_TAIL or number[0] < 128 or not number[-1] & 1:
        raise Bad("key.record", "not an RSA-2048 key")
    return {"kty": "RSA", "n": b64url(number), "e": "AQAB"}


# --- the chain of token keys: each change is signed by the key before it and the new one, or by two persons -------------------------------


def rsa_holds(n, algorithm, signature, message):
    """RSA-2048 with e = 65537: PKCS #1 v1.5 (RFC 8017 § 8.2.2) or PSS with a salt of 32 bytes (§ 8.1.2), both over SHA-256."""
    number = int.from_bytes(signature, "big")
    if len(signature) != 256 or number >= n:
        return False
    padded, summed = pow(number, 65537, n).to_bytes(256, "big"), sha256(message).digest()
    if algorithm == "RS256":
        info = bytes.fromhex("3031300d060960864801650304020105000420") + summed
        return padded == b"\0\1" + b"\xff" * (253 - len(info)) + b"\0" + info
    masked, seed = padded[:223], padded[223:255]
    stream = b"".join(sha256(seed + at.to_bytes(4, "big")).digest() for at in range(7))
    block = bytes(one ^ two for one, two in zip(masked, stream))
    block = bytes([block[0] & 0x7F]) + block[1:]
    start = b"\0" * (223 - 33) + b"\1"
    return (
        masked[0] < 0x80 and padded[255] == 0xBC and block[: len(start)] == start
        and sha256(bytes(8) + summed + block[len(start) :]).digest() == seed
    )  # fmt: skip


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def p256_add(one, two):
    """Sum of two points of P-256 in affine coordinates; None is the point at infinity."""
    if one is None or two is None:
        return one or two
    if one[0] == two[0] and (one[1] + two[1]) % P256_PRIME == 0:
        return None
    if one == two:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], P256_PRIME - 2, P256_PRIME)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], P256_PRIME - 2, P256_PRIME)
    x = (slope * slope - one[0] - two[0]) % P256_PRIME
    return x, (slope * (one[0] - x) - one[1]) % P256_PRIME


def p256_holds(point, signature, message):
    """ECDSA over P-256 and SHA-256 (FIPS 186-5 § 6.4.2), the signature as r and s of 32 bytes."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not 0 < r < P256_ORDER or not 0 < s < P256_ORDER:
        return False
    inverse, total = pow(s, P256_ORDER - 2, P256_ORDER), None
    for number, base in ((int.from_bytes(sha256(message).digest(), "big"), P256_BASE), (r, point)):
        number = number * inverse % P256_ORDER
        while number:
            if number & 1:
                total = p256_add(total, base)
            base, number = p256_add(base, base), number >> 1
    return total is not None and total[0] % P256_ORDER == r


def token_signature(key, signature, message):
    """Return when a token key (a JWK with its algorithm) signed this; Bad otherwise."""
    if key["alg"] == "Ed25519":
        check_signature(unb64url(key["x"]), signature, message, small_r=True)
    elif key["alg"] == "ES256":
        point = (int.from_bytes(unb64url(key["x"]), "big"), int.from_bytes(unb64url(key["y"]), "big"))
        if not p256_holds(point, signature, message):
            raise Bad("key.transition", "the signature does not hold")
    elif not rsa_holds(int.from_bytes(unb64url(key["n"]), "big"), key["alg"], signature, message):
        raise Bad("key.transition", "the signature does not hold")


def framed(*parts):
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def thumbprint(key):
    """RFC 7638."""
    members = {name: key[name] for name in key if name != "alg"}
    return b64url(sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def key_in(body, kid, text, algorithm):
    key = token_jwk(str(body.get(algorithm)), str(body.get(text)))
    if body.get(kid) != thumbprint(key):
        raise Bad("key.record", "a key is not the one that its kid names")
    return key


class Gap(Exception):
    """A change replaces another key than the one before it here."""


CHANGES = {"key.rotated", "key.compromised", "key.retired"}
FOLLOWED = CHANGES | {"tenant.created", "key.generated"}


class KeyChain:
    """Follows the ACTIVE token key; `spans` are kid -> [kid, algorithm, start, stop, refused], `finding` the first bad change."""

    def __init__(self, uuid, environment, whole):
        self.place, self.whole, self.active, self.spans, self.finding = (uuid.encode(), environment.encode()), whole, None, {}, None
        self.signers = Signers(whole)

    def take(self, kind, seq, body):
        if self.finding is not None or kind not in FOLLOWED:
            return
        try:
            self.follow(kind, seq, body)
        except Gap:
            code, grade = ("key.transition", "TAMPERED") if self.whole else ("key.gap", "INCOMPLETE")
            self.finding = (code, grade, seq, f"record {seq} replaces a token key that was not ACTIVE")
        except Bad as bad:
            self.finding = ("key.transition", "TAMPERED", seq, f"record {seq} changes a token key and nobody vouched for it: {bad}")

    def follow(self, kind, seq, body):
        if kind == "tenant.created":
            self.activate(key_in(body, "token_kid", "token_key", "token_alg"), seq)
        elif kind == "key.generated":
            self.vouched(b"generated", body, self.old(), key_in(body, "kid", "key", "alg"))
        elif kind == "key.rotated":
            old, new = self.old(), key_in(body, "active", "active_key", "active_alg")
            if body.get("previous") != thumbprint(old):
                raise Gap
            self.vouched(b"rotated", body, old, new)
            self.activate(new, seq)
            self.refuse(body.get("retired"), seq)
        elif kind == "key.compromised":
            self.two_persons(body)
            self.refuse([body.get("kid")], seq)
            if "active" in body:
                if body.get("kid") != thumbprint(self.old()):
                    raise Gap
                self.activate(key_in(body, "active", "active_key", "active_alg"), seq)
        else:
            self.refuse(body.get("retired"), seq)

    def old(self):
        if self.active is None:
            raise Bad("key.transition", "no key stands before it")
        return self.active

    def vouched(self, step, body, old, new):
        at, signed = body.get("at_us"), body.get("signed")
        if type(at) is not int or not isinstance(signed, dict):
            raise Bad("key.transition", "the record of a key's change carries no signatures")
        parts = (step, thumbprint(old).encode(), thumbprint(new).encode(), str(at).encode())
        message = framed(b"intended.key-transition/v1", *self.place, *parts)
        for name, key in (("old", old), ("new", new)):
            signature = signed.get(name)
            token_signature(key, unb64url(signature) if isinstance(signature, str) else b"", message)

    def activate(self, key, seq):
        kid = thumbprint(key)
        if self.active is not None:
            self.spans[thumbprint(self.active)][3] = seq
        if kid in self.spans:
            raise Bad("key.transition", "a key that was replaced is ACTIVE once more")
        self.active = key
        self.spans[kid] = [kid, key["alg"], seq, None, None]

    def refuse(self, kids, seq):
        for kid in kids if isinstance(kids, list) else []:
            span = self.spans.get(kid) if isinstance(kid, str) else None
            if span is not None and span[4] is None:
                span[4] = seq

    def two_persons(self, body):
        kid, persons, keys, names = body.get("kid"), body.get("persons"), set(), set()
        if not isinstance(kid, str) or not kid.isascii():
            raise Bad("key.transition", "it names no key")
        summed = sha256(framed(b"intended.key-compromised/v1", *self.place, kid.encode())).digest()
        message = framed(b"intended.person-signature/v1", summed)
        for person in persons if isinstance(persons, list) else []:
            if not isinstance(person, list) or len(person) != 4:
                raise Bad("key.transition", "a person's signature is not readable")
            key = unb64url(str(person[2]))
            self.signers.check([*person[:2], str(person[2])])
            check_signature(key, unb64url(str(person[3])), message)
            keys.add(key)
            names.add(str(person[:2]))
        if min(len(keys), len(names)) < 2:
            raise Bad("key.transition", "fewer than two persons signed")


def key_chain(find, seen, environment, decided, headers):
    """The spans of the keys that sign, after the records of a bundle were followed and each redeemed token was held against them."""
    created = seen.get(1)
    if created is None or created["value"] is None or created["kind"] != "tenant.created":
        return []
    chain = KeyChain(created["tenant"], environment, False)
    for seq in sorted(seen):
        if seen[seq]["value"] is not None:
            chain.take(seen[seq]["kind"], seq, seen[seq]["value"])
    if chain.finding is not None:
        code, grade, seq, text = chain.finding
        find(code, text, seq, grade)
    for number, raw in enumerate(headers, start=decided):
        if b'"k":"key.' in raw and parse_entry(raw)["kind"] in CHANGES and number not in seen:
            find("key.hidden", f"record {number} changes a token key and is not here", number, "INCOMPLETE")
    for seq in sorted(seen):
        if seen[seq]["kind"] != "token.consumed" or seen[seq]["value"] is None:
            continue
        kid = seen[seq]["value"].get("kid")
        span = chain.spans.get(kid) if isinstance(kid, str) else None
        if span is None:
            find("key.unknown", "no record here shows how the key of the consumed token came to sign", seq, "INCOMPLETE")
        elif span[2] > seq or (span[3] is not None and span[3] < decided) or (span[4] is not None and span[4] < seq):
            find("key.invalid", f"the consumed token's key {span[0]} did not sign then, or was refused already", seq)
    return list(chain.spans.values())


def founding(find, seen, claims, public):
    """The log's first two records name this log, its key and hash, and the tenant that is claimed."""
    for seq, kind in ((0, "log.genesis"), (1, "tenant.created")):
        record = seen.get(seq)
        if record is None or record["value"] is None:
            find("founding.missing", f"record {seq} ({kind}) is not here", seq, "INCOMPLETE")
            continue
        body = record["value"]
        if record["kind"] != kind:
            find("founding", f"record {seq} is not the log's {kind}", seq)
        elif seq == 0:
            own = b64url(ED25519_DER + public)
            if (body.get("origin"), body.get("hash"), body.get("log_key")) != (claims["origin"], "sha256", own):
                find("founding", "the log began under another name, hash or key", 0)
        elif (body.get("tenant"), body.get("environment")) != (claims["tenant"], claims["environment"]):
            find("founding", "the log belongs to another tenant or environment", 1)


def after_the_end(find, closed, size):
    """No record follows the one with which a log ended."""
    if closed is not None and closed + 1 < size:
        find("log.closed", f"record {closed + 1} stands after the record that closed the log", closed + 1)


def envelope(find, key, payload, hint, signature):
    """The manifest is signed by this key."""
    kind = b"application/vnd.in-toto+json"
    try:
        if hint != key[1].hex():
            raise Bad("audit.manifest", "the manifest is signed by another key")
        check_signature(key[2], signature, b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))
    except Bad as bad:
        find("manifest.signature", str(bad))


class Examination:
    """Looks at everything that can be looked at; `findings` are (code, grade, seq, text)."""

    def __init__(self, bundle, pins, known, policy):
        self.bundle, self.pins, self.known, self.policy = bundle, pins, known, policy
        self.findings, self.seen, self.head, self.complete = [], {}, None, None
        self.best, self.facts, self.keys, self.judged = "CONSISTENT_UNANCHORED", NOT_SEEN, [], False

    def find(self, code, text, seq=None, grade="TAMPERED"):
        self.findings.append((code, grade, seq, text))

    def run(self):
        bundle = self.bundle
        self.contents()
        try:
            self.head = open_checkpoint(bundle.members["heads/checkpoint"], [bundle.key])
            if self.head[:2] != (bundle.claims["origin"], bundle.claims["size"]):
                self.find("checkpoint.claims", "the checkpoint is of another log or size than the bundle claims")
        except Bad as bad:
            self.find("checkpoint", str(bad))
        for place in range(len(bundle.entries)):
            self.record(place)
        decision = self.decision()
        if self.head is not None and decision is not None:
            founding(self.find, self.seen, bundle.claims, bundle.key[2])
            self.lives()
            self.range(decision)
            self.token_keys()
            headers = bundle.headers if self.judged else []
            self.keys = key_chain(self.find, self.seen, bundle.claims["environment"], decision["seq"], headers)
            self.approvals(decision)
        self.missing()
        if decision is not None:
            self.inputs(decision)
        self.outside()

    def contents(self):
        bundle = self.bundle
        for name in bundle.damaged:
            self.find("member.checksum", f"the bytes of {name} are not those that were stored")
        envelope(self.find, bundle.key, bundle.payload, bundle.hint, bundle.signature)
        for name in sorted((set(bundle.members) | set(bundle.listed)) - {"manifest.json"}):
            number = re.fullmatch(r"bodies/([0-9]{16})\.json", name)
            seq = None if number is None else int(number[1])
            body = bundle.members.get(name)
            if body is None or name not in bundle.listed:
                self.find("member.list", f"{name} is not both listed and there", seq)
            elif bundle.listed[name] != (len(body), sha256(body).hexdigest()):
                self.find("member.digest", f"{name} is not the one that the manifest lists", seq)
        if bundle.members["README.txt"] != readme(bundle):
            self.find("readme", "the README says something that does not follow from the rest")

    def record(self, place):
        bundle, claims = self.bundle, self.bundle.claims
        (seq, path), raw = bundle.proofs[place], bundle.entries[place]
        if place and seq <= bundle.proofs[place - 1][0]:
            self.find("record.order", "the records are not in their order", seq)
            return
        leaf, proven = leaf_hash(raw), False
        if self.head is not None:
            try:
                check_inclusion(seq, self.head[1], path, leaf, self.head[2])
                proven = True
            except Bad as bad:
                self.find("record.proof", f"record {seq}: {bad}", seq)
        try:
            entry = parse_entry(raw)
        except Bad as bad:
            self.find("record.header", f"record {seq}: {bad}", seq)
            return
        if entry["seq"] != seq:
            self.find("record.seq", f"record {seq} says that it is number {entry['seq']}", seq)
            return
        # The log's older generations are its own history; the checkpoint's tree holds them all.
        if (entry["origin"], entry["tenant"]) != (claims["origin"], claims["uuid"]) or not 1 <= entry["generation"] <= claims["generation"]:
            self.find("record.foreign", f"record {seq} belongs to another log", seq)
        before = self.seen.get(seq - 1)
        if proven and before is not None and before["leaf"] != entry["link"]:
            self.find("record.link", f"record {seq} does not follow record {seq - 1}", seq - 1)
        body, stored = None, bundle.members.get(f"bodies/{seq:016d}.json")
        if stored is None:
            self.find("body.withheld", f"the body of record {seq} is not here", seq, "INCOMPLETE")
        else:
            try:
                body = parse_body(stored, entry["body"])
            except Bad as bad:
                self.find("record.body", f"record {seq}: {bad}", seq)
        fields = bundle.members.get(f"fields/{seq:016d}.json", b"")
        if fields or {"fields", "$missing"} & set(body or ()):
            body = self.joined(seq, body, fields)
        self.seen[seq] = {**entry, "leaf": leaf, "value": body}

    def joined(self, seq, body, fields):
        """The body with the fields that are here; without any of them when one is not what the record commits to."""
        if body is None:
            self.find("field.stray", f"fields of record {seq} are here without its body", seq)
            return None
        for given in (fields, b""):
            try:
                return join_fields(body, given)
            except Bad as bad:
                self.find("field.value", f"record {seq}: {bad}", seq)
        return None

    def missing(self):
        """What is withheld and what was erased: the two are told apart by the record that permits the one."""
        for seq in sorted(self.seen):
            gone = (self.seen[seq]["value"] or {}).get("$missing")
            if not isinstance(gone, dict):
                continue
            withheld = sorted(path for path, by in gone.items() if by is None)
            if withheld:
                self.find("fields.withheld", f"record {seq}: withheld, not shown here: {', '.join(withheld)}", seq, "INCOMPLETE")
            for by in sorted({by for by in gone.values() if by is not None}):
                paths = sorted(path for path, named in gone.items() if named == by)
                told = f"record {seq}: erased by record {by}, nowhere any more: {', '.join(paths)}"
                if by not in self.seen:
                    self.find("field.erasure", f"{told}; that record is not here, so nothing shows it", seq, "INCOMPLETE")
                    continue
                try:
                    permitted = erasure_permits(self.seen[by], self.seen, self.bundle.claims)
                    if not all((seq, path) in permitted for path in paths):
                        raise Bad("audit.erasure", "it names others")
                    self.find("fields.erased", told, seq, "INCOMPLETE")
                except Bad as bad:
                    self.find("field.erasure", f"record {seq}: said to be erased by record {by}, which does not permit it: {bad}", seq)

    def decision(self):
        seq = self.bundle.claims["decision"]
        seen = self.seen.get(seq)
        if seen is None:
            if not any(found[2] == seq for found in self.findings):
                self.find("decision.missing", f"the decision's record {seq} is not here", seq, "INCOMPLETE")
            return None
        if seen["kind"] not in OUTCOMES:
            self.find("decision.kind", f"record {seq} is a {seen['kind']}, not a decision", seq)
            return None
        if seen["value"] is not None:
            if seen["value"].get("outcome") != OUTCOMES[seen["kind"]]:
                self.find("decision.outcome", "the decision's header and body name different outcomes", seq)
            if seen["value"].get("policy_digest") != seen["policy"]:
                self.find("decision.policy", "the decision's header and body name different policies", seq)
        return seen

    def lives(self):
        threads = {}
        for seq in sorted(self.seen):
            if self.seen[seq]["thread"] is not None:
                threads.setdefault(self.seen[seq]["thread"][0], []).append(self.seen[seq])
        for steps in threads.values():
            previous = None
            for number, step in enumerate(steps):
                if step["thread"][1:] != (number, previous):
                    text = f"a step between record {previous} and record {step['seq']} is not here"
                    self.find("thread.gap", text, step["seq"], "INCOMPLETE")
                    break
                previous = step["seq"]

    def range(self, decision):
        bundle, start, thread = self.bundle, decision["seq"], decision["thread"]
        if bundle.before is None:
            return
        if bundle.before[0] != start:
            self.find("range.start", "the range of headers does not begin at the decision", start)
            return
        edge, hidden, closed = [start, list(bundle.before[1])], [], None
        for number, raw in enumerate(bundle.headers):
            grow(edge, leaf_hash(raw))
            try:
                entry = parse_entry(raw)
            except Bad as bad:
                self.find("range.header", f"record {start + number}: {bad}", start + number)
                return
            if entry["seq"] != start + number:
                self.find("range.header", f"the header of record {start + number} is another's", start + number)
                return
            if entry["kind"] == "tenant.closed" and closed is None:
                closed = entry["seq"]
            if thread is not None and entry["thread"] is not None and entry["thread"][0] == thread[0] and entry["seq"] not in self.seen:
                hidden.append(entry["seq"])
        if (edge[0], edge_root(edge)) != self.head[1:]:
            self.find("range.root", "the headers do not make up the tree that the checkpoint signs", start)
            return
        self.judged = True
        for seq in hidden:
            self.find("thread.hidden", f"record {seq} is a step of this token's life and is not here", seq, "INCOMPLETE")
        after_the_end(self.find, closed, self.head[1])
        if not hidden and thread is not None:
            self.complete = self.head[1]

    def token_keys(self):
        named = {}
        for record in self.seen.values():
            body = record["value"] or {}
            for members in (("token_kid", "token_key", "token_alg"), ("active", "active_key", "active_alg")):
                kid, der, algorithm = body.get(members[0]), body.get(members[1]), str(body.get(members[2], "RS256"))
                if isinstance(kid, str) and isinstance(der, str):
                    try:
                        named[kid] = token_jwk(algorithm, der)
                    except Bad:
                        self.find("key.record", "a record names an unusable token key", record["seq"])
                        return
        given = {key["kid"]: key for key in self.bundle.tokens}
        for kid, key in given.items():
            if kid in named and any(key.get(member) != value for member, value in named[kid].items()):
                self.find("key.token", f"token key {kid} is not the one that the log names", 1)
        for record in self.seen.values():
            if record["kind"] == "token.consumed" and (record["value"] or {}).get("kid") not in given:
                self.find("key.missing", "the key of the consumed token is not here", record["seq"], "INCOMPLETE")

    def approvals(self, decision):
        matter = decision["value"] or {}
        counted = matter.get("approved")
        wanted = {key for key in counted if isinstance(key, str)} if isinstance(counted, list) else set()
        asked = {
            str(record["value"]["approval"]): record["value"]
            for record in self.seen.values()
            if record["kind"] == "decision.escalate" and record["value"] is not None and "approval" in record["value"]
        }
        signed, needed = {}, {}
        for seq, record in self.seen.items():
            body = record["value"]
            if record["kind"] != "approval.granted" or body is None:
                continue
            request = asked.get(str(body.get("approval")), {})
            try:
                key, signature, digest = (unb64url(str(body.get(name))) for name in ("person_key", "signature", "approval_digest"))
                parts = (b"intended.person-signature/v1", digest)
                check_signature(key, signature, b"".join(len(part).to_bytes(8, "big") + part for part in parts))
            except Bad:
                self.find("approval.signature", "a person's approval is not signed by their key", seq)
                continue
            same = all(request.get(name) is not None and request.get(name) == matter.get(name) for name in ("ith", "policy_digest"))
            if request and request.get("approval_digest") != body.get("approval_digest"):
                self.find("approval.request", "a person's approval is of another request", seq)
            elif seq < decision["seq"] and same:
                requirement = str(body.get("requirement"))
                signed.setdefault(requirement, set()).add(str(body.get("person")))
                needed.update({key: quorum(request, key) for key in {requirement, *wanted}})
        if matter.get("approved_by") is not None:
            # Who counted for what, as the decision says: only those who signed, and each of them once over all requirements.
            people, signed, given = set().union(*signed.values()), {}, matter["approved_by"]
            for item in given if isinstance(given, list) else []:
                if isinstance(item, list) and len(item) == 3 and str(item[1:]) in people:
                    people.discard(str(item[1:]))
                    signed.setdefault(str(item[0]), set()).add(str(item[1:]))
        for key in sorted(wanted):
            if len(signed.get(key, ())) < needed.get(key, 1):
                self.find("approval.missing", "an approval that was counted is not here", decision["seq"], "INCOMPLETE")

    def inputs(self, decision):
        given, body, seq = self.bundle.inputs, decision["value"], decision["seq"]
        if body is None:
            return
        if decision["policy"] is None:
            if given is not None:
                self.find("inputs.stray", "inputs are here for a decision that had none", seq)
            return
        gone = body.get("$missing")
        if isinstance(gone, dict) and ("intent" not in body or {"entities_digest", "ith", "meters"} & set(gone)):
            if given is not None:
                self.find("inputs.stray", "inputs are here of a request that is not here whole", seq)
            return
        if given is None:
            self.find("inputs.missing", "the decision's inputs are not here", seq, "INCOMPLETE")
            return
        if given[0].decode("utf-8", "replace") != body.get("intent"):
            self.find("inputs.intent", "the request is not the one that the record holds", seq)
        here = "inputs/data.json" in self.bundle.members
        if "data_digest" in body and not here:
            self.find("inputs.missing", "the params and tables of the decision are not here", seq, "INCOMPLETE")
        elif here and "data_digest" not in body:
            self.find("inputs.stray", "params and tables are here for a decision that read none", seq)

    def outside(self):
        if not self.pins and self.policy is None:
            return
        if self.bundle.key not in self.pins:
            self.find("key.unpinned", "the bundle is signed by a key that you did not pin", grade="CONSISTENT_UNPINNED")
        if self.head is None:
            return
        if self.known is not None:
            self.compare()
        slot = (self.seen.get(0, {}).get("value") or {}).get("slot")
        last = max(seq for seq, _ in self.bundle.proofs)
        self.best, self.facts = check_anchor(self.find, self.bundle.anchor, self.policy, self.bundle.claims, self.head, slot, last)

    def compare(self):
        before = self.bundle.before
        if before is not None and before[0] <= self.known[1] <= before[0] + len(self.bundle.headers) and 0 < self.known[1] < self.head[1]:
            edge = [before[0], list(before[1])]
            for raw in self.bundle.headers[: self.known[1] - before[0]]:
                grow(edge, leaf_hash(raw))
            if edge_root(edge) != self.known[2]:
                self.find("head.fork", "the log does not continue the head that you know", grade="FORKED")
        else:
            compare(self.find, self.head, self.known, self.bundle.consistency)


def compare(find, head, known, linked):
    """The head that the verifier knows, against the one that the bundle shows."""
    (_, size, root), (_, mine, expected) = head, known
    if mine > size:
        find("log.truncated", f"the bundle speaks of {size} records, but you know a head of {mine}", size, "TRUNCATED")
    elif mine == size:
        if expected != root:
            find("head.fork", f"two signed heads of {size} records differ", grade="FORKED")
    elif mine == 0:
        return
    elif linked is None or linked[:2] != (mine, size):
        find("head.unlinked", f"the bundle does not show that its log continues the head of {mine}", grade="INCOMPLETE")
    else:
        try:
            check_consistency(mine, size, linked[2], expected, root)
        except Bad as bad:
            find("head.fork", f"the log does not continue the head that you know: {bad}", grade="FORKED")


def quorum(request, key):
    alternatives = request.get("alternatives")
    for alternative in alternatives if isinstance(alternatives, list) else []:
        for item in alternative if isinstance(alternative, list) else []:
            if isinstance(item, dict) and item.get("key") == key and type(item.get("quorum")) is int:
                return item["quorum"]
    return 1


# --- a whole stretch of a log: a file of any length, read as it comes ---------------------------------------------------------------------

RANGE_VERSION = "https://intended.dev/evidence-range/v1"
RANGE_REQUIRED = {
    "README.txt", "manifest.json", "entries.jsonl", "proofs.jsonl", "heads/checkpoint", "keys/log.vkey", "heads/frontier",
    "heads/headers.jsonl", "bodies/0000000000000000.json", "bodies/0000000000000001.json",
}  # fmt: skip
RANGE_OPTIONAL = {"bodies.jsonl", "heads/tail.json", "heads/consistency.json", "heads/anchor.json", "heads/anchor-link.json"}
NAMING = {"log.redact", "log.prune", "person.registered", "person.removed"}
STREAMED = {"bodies.jsonl", "heads/headers.jsonl"}
MAX_STRETCH, MAX_SMALL, CHUNK, MAX_SELECTED = 2**32 - 2, 1 << 20, 1 << 20, 10_000


def piece(file, at, size):
    file.seek(at)
    return file.read(size)


def places_of(file):
    """name -> (start, size, crc) of an archive's members; Bad for any other form."""
    size = file.seek(0, 2)
    if size > MAX_STRETCH:
        raise Bad("audit.archive", "the file is larger than a bundle may be")
    found, central, at, last = {}, [], 0, ""
    while True:
        head = piece(file, at, LOCAL.size)
        if len(head) < LOCAL.size or head[:4] != b"PK\x03\x04":
            break
        crc, length, _, name_size = LOCAL.unpack(head)[6:10]
        label = piece(file, at + LOCAL.size, min(name_size, 256))
        name, start = label.decode("ascii", "replace"), at + LOCAL.size + name_size
        if NAME.fullmatch(name) is None or name <= last or len(found) == MAX_MEMBERS or start + length > size:
            raise Bad("audit.archive", "a member has no plain name, comes twice or is longer than the file")
        if head + label != LOCAL.pack(b"PK\x03\x04", 10, 0, 0, 0, 0x21, crc, length, length, len(label), 0) + label:
            raise Bad("audit.archive", "a member is stored in another form")
        central.append(
            CENTRAL.pack(b"PK\x01\x02", 788, 10, 0, 0, 0, 0x21, crc, length, length, len(label), 0, 0, 0, 0, 0o100644 << 16, at) + label
        )
        found[name], last, at = (start, length, crc), name, start + length
    directory = b"".join(central)
    rest = directory + END.pack(b"PK\x05\x06", 0, 0, len(found) & 0xFFFF, len(found) & 0xFFFF, len(directory), at, 0)
    if not found or size - at != len(rest) or piece(file, at, len(rest)) != rest:
        raise Bad("audit.archive", "not an archive in the one form that a bundle has")
    return found


def says_range(file):
    """Whether the file says that it holds a stretch; nothing is believed yet."""
    try:
        start, size, _ = places_of(file).get("manifest.json", (0, 0, 0))
        read_manifest(piece(file, start, size) if size <= 2 * MAX_MANIFEST else b"", RANGE_VERSION)
    except Bad:
        return False
    return True


class Stretch:
    """Reads the file once from front to back; `findings` as in an examination."""

    def __init__(self, file, pins, known, kind, policy):
        self.file, self.pins, self.known, self.kind, self.policy = file, pins, known, kind, policy
        self.best, self.facts, self.slot, self.chain, self.lost = "CONSISTENT_UNANCHORED", NOT_SEEN, None, None, False
        self.findings, self.head, self.whole, self.closed = [], None, False, None
        self.kinds, self.selected, self.bodies, self.withheld, self.sums = {}, [], 0, 0, {}
        self.places = places_of(file)
        names, self.proofs = set(self.places), []
        if RANGE_REQUIRED <= names:
            start, size, _ = self.places["proofs.jsonl"]
            if size > MAX_SMALL:
                raise Bad("audit.archive", "proofs.jsonl is longer than it may be")
            self.proofs = [proof_of(line) for line in lines_of(piece(file, start, size), MAX_RECORDS)]
        bodies = {f"bodies/{seq:016d}.json" for seq, _ in self.proofs}
        if not RANGE_REQUIRED <= names or names - RANGE_REQUIRED - RANGE_OPTIONAL - bodies:
            raise malformed("lacks a member or holds an unknown one")
        self.small = {}
        for name in names - STREAMED:
            start, size, _ = self.places[name]
            if size > (2 * MAX_MANIFEST if name == "manifest.json" else MAX_SMALL):
                raise Bad("audit.archive", f"{name} is longer than it may be")
            self.small[name] = piece(file, start, size)
        self.listed, predicate, self.payload, self.hint, self.signature = read_manifest(self.small["manifest.json"], RANGE_VERSION)
        self.entries = lines_of(self.small["entries.jsonl"], MAX_RECORDS)
        self.claims = self.read_claims(predicate)
        self.marks = Marks(self.claims)
        seqs = [seq for seq, _ in self.proofs]
        ascending = seqs == sorted(set(seqs)) and all(seq < self.claims["first"] for seq in seqs[2:])
        if seqs[:2] != [0, 1] or not ascending or len(self.entries) != len(seqs):
            raise malformed("has not the log's first two records")
        self.key = log_key(self.small["keys/log.vkey"])
        self.before = frontier_of(self.small["heads/frontier"])
        self.tail = consistency_of(self.small.get("heads/tail.json"))
        self.linked = consistency_of(self.small.get("heads/consistency.json"))
        self.anchor = anchor_of(self.small)

    def find(self, code, text, seq=None, grade="TAMPERED"):
        self.findings.append((code, grade, seq, text))

    @staticmethod
    def read_claims(predicate):
        scope = predicate.get("scope")
        scope = scope if isinstance(scope, dict) else {}
        texts = {"origin": scope.get("origin"), "tenant": scope.get("tenant"), "uuid": scope.get("uuid"), "engine": predicate.get("engine")}
        numbers = {"generation": scope.get("generation"), **{name: predicate.get(name) for name in ("first", "stop", "size", "made_us")}}
        if not all(isinstance(text, str) for text in texts.values()) or not all(type(number) is int for number in numbers.values()):
            raise malformed("has malformed claims", "audit.manifest")
        claims = {**texts, **numbers, "environment": scope.get("environment")}
        expected = {
            "format": "intended.evidence-range/v1",
            "claim": f"records {claims['first']} to {claims['stop'] - 1} of this log, every one of them",
            "scope": {name: claims[name] for name in ("origin", "tenant", "uuid", "environment", "generation")},
            **{name: claims[name] for name in ("first", "stop", "size", "made_us", "engine")}, "not_covered": NOT_COVERED,
        }  # fmt: skip
        if (
            claims["environment"] not in ("live", "test")
            or {k: v for k, v in predicate.items() if k != "sizes"} != expected
            or not 0 <= claims["first"] < claims["stop"] <= claims["size"]
        ):
            raise malformed("has malformed claims", "audit.manifest")
        return claims

    def run(self):
        envelope(self.find, self.key, self.payload, self.hint, self.signature)
        try:
            self.head = open_checkpoint(self.small["heads/checkpoint"], [self.key])
            if self.head[:2] != (self.claims["origin"], self.claims["size"]):
                self.find("checkpoint.claims", "the checkpoint is of another log or size than the bundle claims")
        except Bad as bad:
            self.find("checkpoint", str(bad))
        self.first_records()
        self.edge = [self.before[0], list(self.before[1])]
        fault = self.records()
        if fault is None:
            self.whole = True
            self.tie()
        else:
            self.findings.append(fault)
        if self.chain is not None and self.chain.finding is not None:
            self.findings.append(self.chain.finding)
        mark = self.marks.finding() if self.whole else None
        if mark is not None:
            self.findings.append(mark)
        if self.whole:
            after_the_end(self.find, self.closed, self.claims["size"])
        self.contents()
        if not self.pins and self.policy is None:
            return
        if self.key not in self.pins:
            self.find("key.unpinned", "the bundle is signed by a key that you did not pin", grade="CONSISTENT_UNPINNED")
        if self.head is None:
            return
        if self.known is not None:
            compare(self.find, self.head, self.known, self.linked)
        last = self.claims["stop"] - 1
        self.best, self.facts = check_anchor(self.find, self.anchor, self.policy, self.claims, self.head, self.slot, last)

    def first_records(self):
        seen = {}
        for raw, (seq, path) in zip(self.entries, self.proofs):
            try:
                if self.head is not None:
                    check_inclusion(seq, self.head[1], path, leaf_hash(raw), self.head[2])
                entry = parse_entry(raw)
            except Bad as bad:
                self.find("record.header" if bad.code == "audit.record" else "record.proof", f"record {seq}: {bad}", seq)
                continue
            if f"bodies/{seq:016d}.json" not in self.small:
                self.find("body.withheld", f"the body of record {seq} is not here", seq, "INCOMPLETE")
                continue
            try:
                body = parse_body(self.small[f"bodies/{seq:016d}.json"], entry["body"])
            except Bad as bad:
                self.find("record.body", f"record {seq}: {bad}", seq)
                continue
            if entry["seq"] != seq:
                self.find("record.seq", f"record {seq} says that it is number {entry['seq']}", seq)
                continue
            if seq > 1 and (entry["origin"], entry["tenant"]) != (self.claims["origin"], self.claims["uuid"]):
                self.find("record.foreign", f"record {seq} belongs to another log", seq)
                continue
            seen[seq] = {**entry, "value": body}
            if seq == 0:
                self.slot = body.get("slot")
        if 0 in seen and 1 in seen:
            founding(self.find, seen, self.claims, self.key[2])
            self.chain = KeyChain(seen[1]["tenant"], self.claims["environment"], self.claims["first"] <= 2)
            self.chain.signers = self.marks.signers
            for seq in sorted(seen):
                self.chain.take(seen[seq]["kind"], seq, seen[seq]["value"])

    def lines(self, name, limit):
        start, size, _ = self.places[name]
        crc, digest, rest, at = 0, sha256(), b"", 0
        while at < size:
            chunk = piece(self.file, start + at, min(CHUNK, size - at))
            if not chunk:
                raise Bad("audit.archive", f"{name} ends before its length")
            at += len(chunk)
            crc = zlib.crc32(chunk, crc)
            digest.update(chunk)
            whole = (rest + chunk).split(b"\n")
            rest = whole.pop()
            for line in whole:
                if not 0 < len(line) <= limit:
                    raise Bad("audit.archive", f"{name} has an empty or overlong line")
                yield line
            if len(rest) > limit:
                raise Bad("audit.archive", f"{name} has an empty or overlong line")
        if rest:
            raise Bad("audit.archive", f"{name} ends in an unfinished line")
        self.sums[name] = (size, digest.hexdigest(), crc)

    def records(self):
        """Grow the tree over every header; the first fault, or None."""
        claims, edge = self.claims, self.edge
        if edge[0] != claims["first"]:
            return ("range.start", "TAMPERED", claims["first"], "the right edge is not the one before the stretch")
        bodies = self.lines("bodies.jsonl", 2 * MAX_BODY + 1) if "bodies.jsonl" in self.places else None
        mine, generation = (claims["origin"], claims["uuid"]), None
        last, time = bytes(32) if edge[0] == 0 else None, 0
        for raw in self.lines("heads/headers.jsonl", MAX_ENTRY):
            at = edge[0]
            if at == claims["stop"]:
                return ("range.header", "TAMPERED", at, "there are more headers than the stretch is long")
            try:
                entry = parse_entry(raw)
            except Bad as bad:
                return ("record.header", "TAMPERED", at, f"record {at}: {bad}")
            # A generation is the one before's, or the next one where log.recover opens it.
            opens = entry["kind"] == "log.recover"
            fits = entry["generation"] >= 1 if generation is None else entry["generation"] == generation + opens
            if (entry["origin"], entry["tenant"]) != mine or not fits or entry["generation"] > claims["generation"]:
                return ("record.foreign", "TAMPERED", at, f"record {at} belongs to another log")
            if entry["seq"] != at:
                return ("record.seq", "TAMPERED", at, f"record {at} says that it is number {entry['seq']}")
            if last is not None and entry["link"] != last:
                return ("record.link", "TAMPERED", at, f"record {at} does not follow the record {at - 1} that is here")
            if entry["time"] < time and not opens:
                return ("record.time", "TAMPERED", at, f"record {at} is older than the record before it")
            if (entry["kind"] == "log.genesis") != (at == 0):
                return ("log.genesis", "TAMPERED", at, "a log begins with its genesis record and has no other")
            last, time, generation = leaf_hash(raw), entry["time"], entry["generation"]
            grow(edge, last)
            self.kinds[entry["kind"]] = self.kinds.get(entry["kind"], 0) + 1
            if entry["kind"] == self.kind and len(self.selected) < MAX_SELECTED:
                self.selected.append(at)
            changes, value = entry["kind"] in FOLLOWED and at > 1, None
            if bodies is not None:
                line = next(bodies, None)
                if line is None:
                    return ("body.withheld", "INCOMPLETE", at, f"the body of record {at} is not here")
                if line == b"null":
                    self.withheld += 1
                else:
                    line, beside, fields = line.partition(b"\t")
                    try:
                        value = parse_body(line, entry["body"])
                    except Bad as bad:
                        return ("record.body", "TAMPERED", at, f"record {at}: {bad}")
                    try:
                        if beside and not fields:
                            raise bad_field("no fields stand beside the body")
                        gone = join_fields(value, fields).get("$missing") if beside else None
                        if isinstance(gone, dict):
                            self.marks.note(at, gone)
                    except Bad as bad:
                        return ("field.value", "TAMPERED", at, f"record {at}: {bad}")
                    self.bodies += 1
            if entry["kind"] == "tenant.closed" and self.closed is None:
                self.closed = at
            if entry["kind"] in NAMING:
                self.marks.take({**entry, "value": value})
            if changes and self.chain is not None and not self.lost:
                # Where the body of a change is not shown, nothing is said of what comes after it.
                self.lost = value is None
                if value is not None:
                    self.chain.take(entry["kind"], at, value)
        if edge[0] != claims["stop"] or (bodies is not None and next(bodies, None) is not None):
            return ("range.header", "TAMPERED", edge[0], "the headers or bodies are not as many as the stretch is long")
        return None

    def tie(self):
        if self.head is None:
            return
        root, stop = edge_root(self.edge), self.claims["stop"]
        try:
            if self.tail is None:
                if (stop, root) != self.head[1:]:
                    raise Bad("audit.root", "the headers do not make up the tree that the checkpoint signs")
            elif self.tail[:2] != (stop, self.head[1]):
                raise Bad("audit.proof", "the stretch is not tied to the checkpoint's tree")
            else:
                check_consistency(stop, self.head[1], self.tail[2], root, self.head[2])
        except Bad as bad:
            self.find("range.root", f"the stretch is not a part of the signed log: {bad}", self.claims["first"])

    def contents(self):
        sums = {name: (len(data), sha256(data).hexdigest(), zlib.crc32(data)) for name, data in self.small.items()}
        sums.update(self.sums if self.whole else {})
        for name, place in self.places.items():
            if name in sums and sums[name][2] != place[2]:
                self.find("member.checksum", f"the bytes of {name} are not those that were stored")
        for name in sorted((set(self.places) | set(self.listed)) - {"manifest.json"}):
            if name not in self.listed or name not in self.places:
                self.find("member.list", f"{name} is not both listed and there")
            elif name in sums and self.listed[name] != sums[name][:2]:
                self.find("member.digest", f"{name} is not the one that the manifest lists")
        if self.small["README.txt"] != self.readme():
            self.find("readme", "the README says something that does not follow from the rest")

    def readme(self):
        claims = self.claims
        what = "without what they say: only that they exist, when, and of which kind they are"
        if "bodies.jsonl" in self.places:
            what = "with what each says"
        return (
            "EVIDENCE OF A STRETCH OF A LOG\n\n"
            f"Tenant:       {shown(claims['tenant'])} ({shown(claims['uuid'])}, {claims['environment']})\n"
            f"Log:          {shown(claims['origin'])}, generation {claims['generation']}\n"
            f"Records:      {claims['first']} to {claims['stop'] - 1} of {claims['size']}\n"
            f"Written:      {moment(claims['made_us'])} by {shown(claims['engine'])}\n"
            f"Log key:      {shown(key_text(self.key))}\n\n"
            f"This file holds every record of the log from {claims['first']} to {claims['stop'] - 1}, {what}.\n"
            "None can be left out, added or changed: together they must make up the tree that the signed statement (heads/checkpoint)\n"
            "speaks of.\n\nTo check it, on any computer, without a network:\n\n  intended evidence verify FILE --pin KEY\n\n"
            "KEY is the log key as you received it from the issuer on another way, at another time. The key printed above came with\n"
            "this file: alone it shows only that the file fits itself.\n\nWhat this file cannot show:\n\n"
            + "\n".join(f"  - {text}" for text in NOT_COVERED)
            + "\n"
        ).encode()


def verify_range(file, pins=(), known=None, kind=None, policy=None):
    """The verdict over a stretch in an open file, as plain data; never raises for what it can hold."""
    verdict = {"first": None, "stop": None, "as_of": None, "kinds": None, "bodies": 0, "withheld": 0, "selected": [], "keys": []}
    verdict.update(NOT_SEEN)
    findings, best = [], "CONSISTENT_UNANCHORED"
    try:
        stretch = Stretch(file, pins, known, kind, policy)
        stretch.run()
    except Bad as bad:
        findings = [(bad.code, "MALFORMED", None, str(bad))]
    else:
        findings, best = stretch.findings, stretch.best
        verdict.update(
            stretch.facts,
            first=stretch.claims["first"], stop=stretch.claims["stop"], as_of=None if stretch.head is None else stretch.head[1],
            kinds=dict(sorted(stretch.kinds.items())) if stretch.whole else None, bodies=stretch.bodies, withheld=stretch.withheld,
            selected=stretch.selected, keys=[] if stretch.chain is None else list(stretch.chain.spans.values()),
        )  # fmt: skip
    return graded(verdict, findings, best if pins else "CONSISTENT_UNPINNED")


def graded(verdict, findings, best):
    """The verdict with its grade, the first bad record, and all findings."""
    grade = min([best, *(found[1] for found in findings)], key=GRADES.index)
    verdict["grade"] = grade
    verdict["seq"] = min((found[2] for found in findings if found[1] == grade and found[2] is not None), default=None)
    verdict["findings"] = [{"code": code, "grade": level, "seq": seq, "text": shown(text)} for code, level, seq, text in findings]
    verdict["not_covered"] = uncovered(verdict["anchored"])
    return verdict


def verify(data, pins=(), known=None, policy=None):
    """The verdict over a bundle's bytes as plain data; never raises for what a bundle can hold."""
    verdict = {"decision": None, "as_of": None, "complete_to": None, "rerun": "not_run", "keys": [], **NOT_SEEN}
    best = "CONSISTENT_UNANCHORED"
    try:
        bundle = Bundle(data)
    except Bad as bad:
        findings = [(bad.code, "MALFORMED", None, str(bad))]
    else:
        examination = Examination(bundle, pins, known, policy)
        examination.run()
        findings, best = examination.findings, examination.best
        verdict.update(examination.facts, keys=examination.keys)
        verdict["decision"] = bundle.claims["decision"]
        verdict["as_of"] = None if examination.head is None else examination.head[1]
        verdict["complete_to"] = examination.complete
    return graded(verdict, findings, best if pins else "CONSISTENT_UNPINNED")


def timed_record(data):
    """Which record a time file speaks of. It is named and nothing of it is checked: tokens of RFC 3161 are signed under X.509."""
    value = canonical(data, MAX_TIME, "time.file", "a time file")
    if not isinstance(value, dict) or value.get("$") != "intended.audit/time.v1" or not isinstance(value.get("record"), str):
        raise Bad("time.file", "this is no time file of a known form")
    proof = canonical(value["record"].encode("utf-8"), MAX_TIME, "time.file", "a time file's proof")
    record = proof.get("record") if isinstance(proof, dict) else None
    seq = record.get("s") if isinstance(record, dict) else None
    if type(seq) is not int or seq < 0:
        raise Bad("time.file", "a time file speaks of one record")
    return seq


def read_all(path, limit):
    with open(path, "rb") as file:
        return file.read(limit + 1)


def main(words=None):
    parser = argparse.ArgumentParser(description="Verify an evidence bundle with nothing but Python: no package, no network.")
    parser.add_argument("file", help="the bundle (.evb)")
    parser.add_argument("--pin", action="append", default=[], metavar="KEY", help="a log key you trust: name+hash+base64; repeatable")
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint that you kept, signed by a pinned key")
    parser.add_argument("--policy", metavar="FILE", help="your own policy file (tlog-policy): anchor logs and witnesses that you know")
    parser.add_argument("--min-epoch", type=int, metavar="N", help="with --policy: at least this epoch must have been seen")
    parser.add_argument("--max-age", type=int, metavar="SECONDS", help="with --policy: a witness must have seen it no longer ago than this")
    parser.add_argument("--time", metavar="FILE", help="a time file of a record: it is named, and not checked here")
    parser.add_argument("--min-verdict", default="CONSISTENT_UNANCHORED", choices=GRADES, help="exit 0 only at or above this verdict")
    parser.add_argument("--list", metavar="KIND", help="of a stretch of a log: name the records of this kind, as token.refused")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args(words)
    try:
        pins = [parse_key(text) for text in given.pin]
        if given.checkpoint and not pins:
            raise Bad("audit.untrusted", "a checkpoint is believed only under a pinned key: give the key as well")
        known = open_checkpoint(read_all(given.checkpoint, MAX_NOTE), pins) if given.checkpoint else None
        fresh = (given.min_epoch, given.max_age, int(time.time()))
        if (given.min_epoch, given.max_age) != (None, None) and not given.policy:
            raise Bad("audit.freshness", "who has seen it, and when, is believed only under your policy file: give --policy as well")
        if any(value is not None and not 0 <= value <= SAFE_INT for value in fresh):
            raise Bad("audit.freshness", "an epoch, an age and a time are whole numbers from 0 on")
        policy = Policy(read_all(given.policy, 256 * 1024), fresh) if given.policy else None
        timed = timed_record(read_all(given.time, MAX_TIME)) if given.time else None
        with open(given.file, "rb") as file:
            whole = says_range(file)
            if given.list is not None and (not whole or given.list not in KINDS):
                raise Bad("audit.kind", "--list is for a bundle of a stretch of a log, and names a kind of record")
            verdict = verify_range(file, pins, known, given.list, policy) if whole else None
        if verdict is None:
            verdict = verify(read_all(given.file, MAX_FILE), pins, known, policy)
    except (Bad, OSError) as error:
        parser.error(str(error))
    grade = verdict["grade"]
    code = 0 if GRADES.index(grade) >= GRADES.index(given.min_verdict) else 26 - GRADES.index(grade)
    if given.json:
        time_file = {} if timed is None else {"time": {"seq": timed, "checked": False}}
        print(json.dumps({**verdict, **time_file, "exit": code}, indent=2, sort_keys=True))
        return code
    if whole:
        print(f"{grade}: records {verdict['first']} up to {verdict['stop']}, every one of them, in a log of {verdict['as_of']}")
        for kind, count in (verdict["kinds"] or {}).items():
            print(f"  {count:>8}  {kind}")
        print(f"  {verdict['bodies']} bodies were read, {verdict['withheld']} are withheld")
        if given.list is not None and verdict["kinds"] is not None:
            print(f"  {given.list}: {', '.join(map(str, verdict['selected'])) or 'none'}")
    else:
        print(f"{grade}: decision {verdict['decision']}, log of {verdict['as_of']} records")
    for found in verdict["findings"]:
        where = "" if found["seq"] is None else f" (record {found['seq']})"
        print(f"  {found['grade']} {found['code']}{where}: {found['text']}")
    if verdict["anchored"] is not None:
        print(f"  the first {verdict['anchored']} records were seen by {shown(', '.join(verdict['organisations'])) or 'a witness'}")
    if timed is not None:
        print(f"  a time file of record {timed} is here, and not checked: that needs the package (intended evidence verify --time)")
    if verdict.get("complete_to") is not None:
        print(f"  nothing else happened to this token up to record {verdict['complete_to'] - 1}")
    if not whole:
        print("  the decision was not taken again: that needs the package (intended evidence verify)")
    print("  not covered: " + "; ".join(verdict["not_covered"]))
    return code


if __name__ == "__main__":
    sys.exit(main())
