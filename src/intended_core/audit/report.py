"""What a bundle says, in plain words for people: one story, shown as text or as one HTML page that loads nothing and runs nothing.

A bundle is hostile input: every character that could move a cursor, reorder a line or close a tag is written out, and long texts are cut.
The verdict stands first, and what it does not cover stands with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from intended_core.audit.bundle import moment
from intended_core.audit.bundle_reader import Bundle, read_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.audit.verdicts import BundleVerdict, RerunState
from intended_core.canonical import Json
from intended_core.errors import AuditError

__all__ = ["Section", "as_html", "as_text", "tell"]

MAX_SHOWN: Final = 2_000  # characters of one text; the bundle itself holds the rest
MAX_RECORDS_TOLD: Final = 200
_VERDICTS: Final = {
    Grade.MALFORMED: "This file is not a bundle in the one form that a bundle has. Nothing in it was looked at.",
    Grade.TAMPERED: "Something in this file is not what the log committed to. Do not rely on it.",
    Grade.FORKED: "Two signed statements about this log contradict each other: somebody is shown another history.",
    Grade.TRUNCATED: "The log is shown shorter than you already know it to be.",
    Grade.INCOMPLETE: "What is here holds, but a part that the claim needs is missing.",
    Grade.CONSISTENT_UNPINNED: "Everything fits together, but only under a key that came along with the file itself.",
    Grade.CONSISTENT_UNANCHORED: "Everything holds under a key that you brought. Nobody outside attests the log or its time.",
    Grade.ANCHORED: "Everything holds, and a witness that you know attests the log, though fewer than you ask for.",
    Grade.WITNESSED: "Everything holds, and as many independent witnesses as you ask for attest the log.",
}
_RERUNS: Final = {
    RerunState.AGREES: "The decision was taken again from the recorded policy, request and facts, and came out the same.",
    RerunState.DIFFERS: "The decision was taken again and came out differently.",
    RerunState.FAILED: "The decision could not be taken again from what is recorded.",
    RerunState.NO_INPUTS: "The decision was taken before any rule ran; there is nothing to take again.",
    RerunState.NOT_RUN: "The decision was not taken again.",
}
_OUTCOMES: Final = {"allow": "It was allowed", "deny": "It was refused", "escalate": "It had to wait for people"}
_EVENTS: Final = {
    EventKind.LOG_GENESIS: "The log began.",
    EventKind.TENANT_CREATED: "The tenant was created.",
    EventKind.DECISION_ALLOW: "A request was allowed.",
    EventKind.DECISION_ESCALATE: "A request had to wait for people.",
    EventKind.DECISION_DENY: "A request was refused.",
    EventKind.APPROVAL_GRANTED: "A person approved.",
    EventKind.APPROVAL_REJECTED: "A person rejected.",
    EventKind.APPROVAL_EXPIRED: "A request for approval expired.",
    EventKind.APPROVAL_CANCELLED: "A request for approval was taken back.",
    EventKind.TOKEN_ISSUED: "A token was issued.",
    EventKind.TOKEN_CONSUMED: "The token was redeemed: from here on it cannot be used again.",
    EventKind.TOKEN_REFUSED: "A token was refused.",
    EventKind.TOKEN_EXPIRED: "The token expired unused.",
    EventKind.TOKEN_REVOKED: "The token was revoked.",
    EventKind.TOKEN_SIGN_FAILED: "The token could not be signed and was taken back.",
    EventKind.REPLAY_REFUSED: "A second use of a token was refused.",
    EventKind.ACTION_DONE: "The action was reported as done.",
    EventKind.ACTION_FAILED: "The action was reported as failed.",
    EventKind.ACTION_UNKNOWN: "What became of the action is not known.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the story: a heading, sentences, and rows of a table (equally long, the first is its head). Raw text, nothing escaped."""

    heading: str
    sentences: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def tell(data: bytes, verdict: BundleVerdict) -> tuple[Section, ...]:
    """The story of the bundle in `data`, of which `verdict` is the verdict. Never raises for what a bundle can hold."""
    first = Section(
        heading=f"Verdict: {verdict.grade.value}",
        sentences=(_VERDICTS[verdict.grade], *(() if verdict.grade is Grade.MALFORMED else (_RERUNS[verdict.rerun],))),
    )
    parts = [first]
    try:
        bundle = read_bundle(data)
    except AuditError:
        bundle = None
    if bundle is not None:
        parts += [_what(bundle, verdict), _records(bundle)]
    if verdict.findings:
        found = [(item.code, item.grade.value, "" if item.seq is None else str(item.seq), item.text) for item in verdict.findings]
        parts.append(Section(heading="What is wrong", rows=(("finding", "verdict", "record", "what"), *found)))
    if verdict.notes:
        parts.append(Section(heading="Notes", sentences=verdict.notes))
    parts.append(Section(heading="What no such file can show", sentences=verdict.not_covered))
    return tuple(parts)


def _what(bundle: Bundle, verdict: BundleVerdict) -> Section:
    claims, body = bundle.claims, _body_of(bundle, bundle.claims.decision)
    sentences = [f"Record {claims.decision} of the log of {claims.tenant} ({claims.environment}), which then had {claims.size} records."]
    outcome = _OUTCOMES.get(verdict.outcome)
    if outcome is not None:
        when = "" if verdict.decided_us is None else f" on {moment(verdict.decided_us)}, by the issuer's own clock"
        rules = _texts(body.get("rules"))
        sentences.append(f"{outcome}{when}{', by the rule ' + ', '.join(rules) if rules else ''}.")
    reasons = body.get("reasons")
    for reason in reasons if isinstance(reasons, list) else []:
        said = [part for part in _texts(reason) if part] if isinstance(reason, list) else []
        if said:
            sentences.append(f"Reason: {' · '.join(said)}.")
    if verdict.complete_to is not None:
        sentences.append(f"Nothing else happened to this token up to record {verdict.complete_to - 1}.")
    request = body.get("intent")
    if isinstance(request, str):
        sentences.append(f"The request, as it was recorded: {request}")
    return Section(heading="What was decided", sentences=tuple(sentences))


def _texts(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _records(bundle: Bundle) -> Section:
    rows: list[tuple[str, ...]] = [("record", "when (issuer's clock)", "what happened", "kind")]
    for (seq, _), raw in list(zip(bundle.proofs, bundle.entries, strict=True))[:MAX_RECORDS_TOLD]:
        try:
            entry = parse_entry(raw)
        except AuditError:
            rows.append((str(seq), "", "This record cannot be read.", ""))
            continue
        rows.append((str(seq), moment(entry.time_us), _EVENTS.get(entry.kind, "Something else was recorded."), entry.kind.value))
    left = len(bundle.entries) - MAX_RECORDS_TOLD
    return Section(
        heading="What happened", sentences=(f"{left} more records are in the file.",) if left > 0 else (), rows=tuple(rows)
    )


def _body_of(bundle: Bundle, seq: int) -> Mapping[str, Json]:
    for (at, _), raw, body in zip(bundle.proofs, bundle.entries, bundle.bodies, strict=True):
        if at == seq and body is not None:
            try:
                return parse_body(body, expected=parse_entry(raw).body_hash)
            except AuditError:
                break
    return {}


def _plain(text: str) -> str:
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def as_text(sections: Sequence[Section]) -> str:
    """The story for a terminal."""
    lines: list[str] = []
    for section in sections:
        lines += ["", _plain(section.heading)] if lines else [_plain(section.heading)]
        lines += [f"  {_plain(sentence)}" for sentence in section.sentences]
        lines += ["  " + "  ".join(_plain(cell) for cell in row if cell) for row in section.rows[1:]]
    return "\n".join(lines)


_STYLE: Final = (
    "body{font:16px/1.5 serif;max-width:50em;margin:2em auto;padding:0 1em;color:#111;background:#fff}"
    "h1,h2{font-family:sans-serif;line-height:1.2}table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "p{overflow-wrap:anywhere}@media print{body{margin:0}}"
)


def as_html(sections: Sequence[Section], *, title: str = "Evidence of one decision") -> str:
    """The story as one page: no script, no link, nothing to load, printable; the policy in its head forbids browsers the rest."""

    def safe(text: str) -> str:
        return escape(_plain(text), quote=True)

    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="referrer" content="no-referrer"><title>{safe(title)}</title><style>{_STYLE}</style></head><body>',
        f"<h1>{safe(title)}</h1>",
    ]
    for section in sections:
        parts.append(f"<h2>{safe(section.heading)}</h2>")
        parts += [f"<p>{safe(sentence)}</p>" for sentence in section.sentences]
        if section.rows:
            head, *rows = section.rows
            parts.append("<table><thead><tr>" + "".join(f"<th>{safe(cell)}</th>" for cell in head) + "</tr></thead><tbody>")
            parts += ["<tr>" + "".join(f"<td>{safe(cell)}</td>" for cell in row) + "</tr>" for row in rows]
            parts.append("</tbody></table>")
    return "\n".join([*parts, "</body></html>\n"])
