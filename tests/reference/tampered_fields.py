"""Attacks on fields: values that a record only commits to are swapped, moved, made up, taken out, or guessed (rows 24 and 25 of the design)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import orjson

from intended_core.access.statement import Statement
from intended_core.audit.archive import unpack
from intended_core.audit.erasures import Parts, erasure_subject, parts_json
from intended_core.audit.fields import (
    depending,
    erase_fields,
    held_paths,
    keep_fields,
    pack_fields,
    read_body,
    split_intent,
)
from intended_core.audit.grades import Grade
from intended_core.audit.record import EventKind
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import verify_log
from intended_core.canonical import b64url, canonical_json, digest
from intended_core.unit import RecordRow
from tests.reference.audit_world import POLICY, START_US, TenantLog
from tests.reference.second_verifier import agree
from tests.reference.tampered_erasures import EXPIRES, PERSONS

__all__ = ["ON_FIELDS", "fielded", "honest_fields", "judged"]

DECISIONS: Final = 12
AMOUNTS: Final = [f"d:{number}" for number in range(1, 200)]


def fielded(seed: int) -> TenantLog:
    """An honest log that introduced ann and bob, and holds decisions whose requests are fields."""
    log, chance = TenantLog(1), random.Random(seed)
    for name in ("ann", "bob"):
        log.add(EventKind.PERSON_REGISTERED, {"person": ["Person", name], "key": b64url(PERSONS[name].public_key), "roles": ["approver"]})
    for number in range(DECISIONS):
        wire = canonical_json(
            {"action": "pay", "args": {"amount": chance.choice(AMOUNTS), "payee": {"@": ["Payee", f"p{number}"]}}, "caller": [],
             "context": {"risk": f"i:{chance.randrange(100)}"}, "origins": {}, "principal": ["Agent", "bot"], "resource": ["Account", "main"]}
        )  # fmt: skip
        asked, fields = split_intent(wire)
        fields |= {"ith": b64url(digest("intended.intent/v1", wire)), "entities_digest": b64url(sha256(b"[]").digest())}
        body: dict[str, Any] = {
            "outcome": "allow", "rules": ["pay"], "reasons": [], "intent": asked, "policy_digest": b64url(POLICY), "now": START_US,
            "approved": [],
        }  # fmt: skip
        made: Any = pack_fields(body, fields, secret=chance.randbytes(16))
        log.add(EventKind.DECISION_ALLOW, made, thread=log.thread(number), policy=POLICY)
    return log


def decisions(log: TenantLog) -> list[int]:
    return [row.seq for row in log.rows if row.fields]


def edited(row: RecordRow, change: Callable[[dict[str, Any]], None]) -> RecordRow:
    """The row with its fields changed by whoever can write to the store or the bundle."""
    fields = orjson.loads(row.fields)
    change(fields)
    return replace(row, fields=canonical_json(fields) if fields else b"")


def in_log(log: TenantLog, rows: Sequence[RecordRow]) -> str:
    """What a verification of the whole log finds."""
    verdict = verify_log(rows, identity=log.identity, heads=[log.known()])
    return "" if verdict.grade in (Grade.CONSISTENT_UNPINNED, Grade.CONSISTENT_UNANCHORED) else verdict.findings[0].code


def bundled(log: TenantLog, row: RecordRow, others: Sequence[int] = ()) -> bytes:
    """A bundle of this decision, its fields as given, signed by the log's own key."""
    body = read_body(log.rows[row.seq])
    whole = set(held_paths(row.fields)) == set(held_paths(log.rows[row.seq].fields))
    rows = [row if at == row.seq else log.rows[at] for at in sorted({0, 1, row.seq, *others})]
    size = len(log.rows)
    from intended_core.audit.proof import prove_inclusion

    return log.bundle(
        row.seq, [], records=rows, proofs=[prove_inclusion(log.leaves, index=each.seq, size=size) for each in rows],
        intent=str(body.get("intent", "")).encode() if whole else b"",
    )  # fmt: skip


def judged(log: TenantLog, row: RecordRow, others: Sequence[int] = ()) -> list[str]:
    """What three verifiers find in a bundle of this decision (the third when the case is replayed)."""
    verdict = agree(bundled(log, row, others), TrustPolicy(log_keys=(log.key,)))
    return [item.code for item in verdict.findings]


def permitted(log: TenantLog, parts: Parts, names: Sequence[str] = ("ann", "bob")) -> int:
    """The record of an erasure of these fields, signed by these persons: its seq."""
    subject = erasure_subject(EventKind.LOG_REDACT, (), reason="asked", basis="law", parts=parts)
    asked = Statement(scope=log.scope, purpose="audit.erase", generation=1, subject=subject, expires_us=EXPIRES).digest()
    persons = [["Person", name, b64url(PERSONS[name].public_key), b64url(PERSONS[name].sign(asked))] for name in names]
    body = {"places": [], "parts": parts_json(parts), "reason": "asked", "basis": "law", "expires": EXPIRES, "persons": persons}
    return log.add(EventKind.LOG_REDACT, body)


def erased(log: TenantLog, seq: int, paths: tuple[str, ...], names: Sequence[str] = ("ann", "bob")) -> list[RecordRow]:
    """The log's rows after an erasure as the store does it."""
    by = permitted(log, ((seq, paths),), names)
    return [replace(row, fields=erase_fields(row.fields, paths, by=by)) if row.seq == seq else row for row in log.rows]


def honest_fields(trial: int) -> bool:
    """Whether an honest bundle with all fields, or an honest erasure of one, is taken for tampering."""
    chance, log = random.Random(trial), fielded(trial)
    seq = chance.choice(decisions(log))
    if judged(log, log.rows[seq]):
        return True
    paths = depending(log.rows[seq].fields, [chance.choice(held_paths(log.rows[seq].fields))])
    return bool(in_log(log, erased(log, seq, paths)))


def _place(chance: random.Random) -> tuple[TenantLog, RecordRow, str]:
    log = fielded(chance.randrange(1000))
    row = log.rows[chance.choice(decisions(log))]
    return log, row, chance.choice(held_paths(row.fields))


def _both(log: TenantLog, row: RecordRow, chance: random.Random) -> str:
    """Found in the store or in a bundle, whichever the trial looks at."""
    if chance.random() < 0.5:
        return in_log(log, [row if each.seq == row.seq else each for each in log.rows])
    return next((code for code in judged(log, row) if code.startswith("field.")), "")


def _swapped(chance: random.Random) -> str:
    log, row, path = _place(chance)

    def change(fields: dict[str, Any]) -> None:
        other = chance.choice([value for value in (*AMOUNTS, ["Agent", "eve"], "") if value != fields[path][1]])
        fields[path] = [fields[path][0], other]

    return _both(log, edited(row, change), chance)


def _moved(chance: random.Random) -> str:
    """A disclosure that is true elsewhere: of another field, of another record, or under another path."""
    log, row, path = _place(chance)
    other = log.rows[chance.choice([seq for seq in decisions(log) if seq != row.seq])]
    theirs: dict[str, Any] = orjson.loads(other.fields)

    def change(fields: dict[str, Any]) -> None:
        where = chance.randrange(3)
        if where == 0:
            fields[path] = fields[chance.choice([name for name in fields if name != path])]
        elif where == 1:
            fields[path] = theirs[path]
        else:
            fields[f"{path}.more" if chance.random() < 0.5 else "intent.args.iban"] = fields.pop(path)

    return _both(log, edited(row, change), chance)


def _salt(chance: random.Random) -> str:
    """A value under the salt of another field, of another record, or one that was made up."""
    log, row, path = _place(chance)
    theirs: dict[str, Any] = orjson.loads(log.rows[chance.choice(decisions(log))].fields)

    def change(fields: dict[str, Any]) -> None:
        salts = [held[0] for each in (fields, theirs) for held in each.values() if held[0] != fields[path][0]]
        fields[path] = [chance.choice([*salts, b64url(chance.randbytes(16))]), fields[path][1]]

    return _both(log, edited(row, change), chance)


def _taken_out(chance: random.Random) -> str:
    """A field taken out of the store: without a mark, or with one that names a record which permits something else, or nothing."""
    log, row, path = _place(chance)
    others = [seq for seq in decisions(log) if seq != row.seq]
    by = permitted(log, ((chance.choice(others), (path,)),)) if chance.random() < 0.5 else chance.choice(others)

    def change(fields: dict[str, Any]) -> None:
        if chance.random() < 0.3:
            del fields[path]
        else:
            fields[path] = by

    return in_log(log, [edited(row, change) if each.seq == row.seq else each for each in log.rows])


def _forged(chance: random.Random) -> str:
    """Whoever holds the log's key writes the record that permits it, without two persons of the log."""
    log, row, path = _place(chance)
    names = chance.choice([("ann",), ("ann", "ann"), ("ann", "eve"), ("eve",), ()])
    return in_log(log, erased(log, row.seq, depending(row.fields, [path]), names))


def _made_up(chance: random.Random) -> str:
    """A value for a field that was erased, under a salt that was made up or is another field's."""
    log, row, path = _place(chance)
    rows = erased(log, row.seq, depending(row.fields, [path]))
    left: dict[str, Any] = orjson.loads(rows[row.seq].fields)
    salts = [held[0] for held in left.values() if isinstance(held, list)]
    made = [chance.choice([*salts, b64url(chance.randbytes(17))[:22]]), chance.choice(AMOUNTS)]
    return _both(log, edited(rows[row.seq], lambda fields: fields.update({path: made})), chance)


def _said_erased(chance: random.Random) -> str:
    """A field that is only withheld is said to be erased: by a record that is no erasure, by an erasure of others, by one that is not here."""
    log, row, path = _place(chance)
    other = chance.choice([seq for seq in decisions(log) if seq != row.seq])
    real = permitted(log, ((other, (path,)),))
    by = chance.choice([0, 1, real, len(log.rows) + 5])
    shown = edited(row, lambda fields: fields.update({path: by}))
    return next((code for code in judged(log, shown, (2, 3, real)) if code == "field.erasure"), "")


def _guessed(chance: random.Random) -> str:
    """Everything but one value of few is known, the bundle is at hand: is there anything to compare a guess with?"""
    log, row, _ = _place(chance)
    path = chance.choice(["intent.args.amount", "intent.context.risk"])
    data = bundled(log, replace(row, fields=keep_fields(row.fields, depending(row.fields, [path]))))
    stands = b"\n".join(unpack(data).members.values()) + row.entry
    texts = {found.encode() for found in re.findall(r"[A-Za-z0-9_-]{22,64}", stands.decode("utf-8", "replace"))}
    salts = [*sorted(text.decode() for text in texts if len(text) == 22), ""]
    body: Any = read_body(row)
    for guess in AMOUNTS if path.endswith("amount") else [f"i:{number}" for number in range(100)]:
        asked = orjson.loads(body["intent"])
        asked["args" if ".args." in path else "context"][path.rpartition(".")[2]] = guess
        wire = canonical_json(asked)
        begun = b"intended.audit/field.v1\0" + path.encode() + b"\0"
        tried = [sha256(begun + canonical_json([salt, guess])).digest() for salt in salts]
        tried += [sha256(wire).digest(), digest("intended.intent/v1", wire), sha256(canonical_json(guess)).digest()]
        tried += [sha256(begun + canonical_json(["", digest_text])).digest() for digest_text in (b64url(digest("intended.intent/v1", wire)),)]
        if any(b64url(one).encode() in texts or one.hex().encode() in texts or one in stands for one in tried):
            return ""
    return "nothing to compare with"


ON_FIELDS: Final = (
    (24, "the value of a field swapped, in the store or in a bundle signed anew", "I", _swapped),
    (24, "a disclosure of another field, another record, or under another path", "I", _moved),
    (24, "a value under the salt of another field or record", "I", _salt),
    (24, "a withheld value of few possible ones guessed, all else known", "I", _guessed),
    (24, "a value made up for a field that was erased", "I", _made_up),
    (24, "a withheld field said to be erased", "I", _said_erased),
    (25, "a field taken out of the store, and no record permits it", "I", _taken_out),
    (25, "a record that permits a field's erasure, without two persons of the log", "I", _forged),
)
