"""Two spellings of one thing: a rule written for one misses the other. Each is refused at the door, none is normalised or matched as text.

Envoy CVE-2019-9901, CVE-2021-29492 and CVE-2026-73511 (`..`, `%2e`, `;x`), gRPC-Go CVE-2026-33186 (no leading `/`), Keycloak CVE-2026-9800
(a path inside a URL); see the threat model.
"""

from __future__ import annotations

import pytest

from intended_core import Deny, Entity, EntityRef, Intent, IntentError
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check, check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source

TEXT = """
@root entity User; entity Net;
action call { principal: User; resource: Net;
  args: { url?: Url, path?: Path, host?: Host, ip?: Ip, mail?: Email, digest?: Digest, day?: Date, hour?: Time, @max(3) order?: List<Int>, @max(8) name?: String }; }
@id("ok") permit all_calls { action == call; when principal is User; }
@id("no.admin") forbid no_admin { action == call; when not (args has path) or args.path.under("/admin"); }
"""
CHECKED = check([Source.from_text("t.policy", TEXT)])
USER, NET = EntityRef("User", "u"), EntityRef("Net", "n")


def offered(**args: object) -> Intent:
    return Intent(principal=USER, action="call", resource=NET, args={"path": "/x", **args})


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("parent segment", {"path": "/public/../admin"}),
        ("parent segment at the end", {"path": "/public/.."}),
        ("this segment", {"path": "/./admin"}),
        ("encoded dots", {"path": "/public/%2e%2e/admin"}),
        ("encoded dots in capitals", {"path": "/public/%2E%2E/admin"}),
        ("one encoded dot", {"path": "/public/.%2e/admin"}),
        ("doubly encoded", {"path": "/public/%252e%252e/admin"}),
        ("encoded slash", {"path": "/public%2fadmin"}),
        ("encoded slash in capitals", {"path": "/public%2Fadmin"}),
        ("encoded letter", {"path": "/%61dmin"}),
        ("encoded backslash", {"path": "/public%5C..%5Cadmin"}),
        ("backslash", {"path": "/public\\..\\admin"}),
        ("matrix parameter", {"path": "/admin;x=1"}),
        ("matrix parameter inside", {"path": "/admin;x/users"}),
        ("no slash at the start", {"path": "admin"}),
        ("two slashes", {"path": "//admin"}),
        ("two slashes inside", {"path": "/public//admin"}),
        ("a dot at the end", {"path": "/admin."}),
        ("a space at the end", {"path": "/admin "}),
        ("NUL", {"path": "/admin\0.txt"}),
        ("encoded NUL", {"path": "/admin%00"}),
        ("line break", {"path": "/admin\n"}),
        ("query in a path", {"path": "/admin?x"}),
        ("fragment in a path", {"path": "/admin#x"}),
        ("escapes that are not UTF-8", {"path": "/%C0%AE%C0%AE/admin"}),
        ("a half escape", {"path": "/admin%"}),
        ("small escape digits", {"path": "/%c3%a9"}),
        ("decomposed letters", {"path": "/cafe\u0301"}),
        ("bidi in a path", {"path": "/\u202eadmin"}),
        ("user in a URL", {"url": "https://good.example@evil.example/"}),
        ("user and password in a URL", {"url": "https://a:b@evil.example/"}),
        ("backslash for a slash in a URL", {"url": "https://evil.example\\@good.example/"}),
        ("the scheme's own port", {"url": "https://a.example:443/"}),
        ("a port with a zero", {"url": "https://a.example:0443/"}),
        ("port zero", {"url": "https://a.example:0/"}),
        ("port too large", {"url": "https://a.example:65536/"}),
        ("an empty port", {"url": "https://a.example:/"}),
        ("a port of other digits", {"url": "https://a.example:\u0664\u0664/"}),
        ("capitals in a host", {"url": "https://A.example/"}),
        ("capitals in a scheme", {"url": "HTTPS://a.example/"}),
        ("no scheme", {"url": "//a.example/"}),
        ("a scheme without a host", {"url": "javascript:alert(1)"}),
        ("no host", {"url": "file:///etc/passwd"}),
        ("no path", {"url": "https://a.example"}),
        ("query without a path", {"url": "https://a.example?x"}),
        ("a fragment", {"url": "https://a.example/#@good.example/"}),
        ("parent segment in a URL", {"url": "https://a.example/public/../admin"}),
        ("encoded dots in a URL", {"url": "https://a.example/%2e%2e/admin"}),
        ("a space in a URL", {"url": "https://a.example/ x"}),
        ("a tab in a URL", {"url": "https://a.ex\tample/"}),
        ("a dot after the host", {"host": "a.example."}),
        ("an international host as text", {"host": "b\u00fccher.example"}),
        ("a homoglyph", {"host": "\u0430pple.example"}),
        ("a wide dot", {"host": "a\u3002example"}),
        ("an ASCII label that pretends to be international", {"host": "xn--apple-.example"}),
        ("punycode that does not decode", {"host": "xn--\x7f.example"}),
        ("punycode of capitals", {"host": "xn--Bcher-kva.example"}),
        ("punycode of a capital letter", {"host": "xn--bcher-2pa.example"}),
        ("a reserved label", {"host": "ab--c.example"}),
        ("underscore", {"host": "a_b.example"}),
        ("an empty label", {"host": "a..example"}),
        ("an IPv4 address in hexadecimal", {"host": "0x7f.0.0.1"}),
        ("an IPv4 address as one number", {"host": "2130706433"}),
        ("an IPv4 address in octal", {"host": "0177.0.0.1"}),
        ("a short IPv4 address", {"host": "127.1"}),
        ("an IPv4 address in a URL as a number", {"url": "http://2130706433/"}),
        ("an IPv6 address with a zone", {"host": "[fe80::1%eth0]"}),
        ("an IPv6 address with a zone, encoded", {"url": "http://[fe80::1%25eth0]/"}),
        ("an IPv6 address written long", {"host": "[0:0:0:0:0:0:0:1]"}),
        ("an IPv6 address in capitals", {"host": "[2001:DB8::1]"}),
        ("an IPv4 address inside an IPv6 one", {"host": "[::ffff:10.0.0.1]"}),
        ("an address in octal", {"ip": "010.0.0.1"}),
        ("an address as a number", {"ip": "167772161"}),
        ("an address in hexadecimal", {"ip": "0xa.0.0.1"}),
        ("a short address", {"ip": "10.1"}),
        ("a zone", {"ip": "fe80::1%1"}),
        ("a mapped address", {"ip": "::ffff:10.0.0.1"}),
        ("a mapped address in hexadecimal", {"ip": "::ffff:a00:1"}),
        ("a range with host bits", {"ip": "10.0.0.1/8"}),
        ("a range of one address", {"ip": "10.0.0.1/32"}),
        ("a mask", {"ip": "10.0.0.0/255.0.0.0"}),
        ("other digits in an address", {"ip": "\u0661\u0660.0.0.1"}),
        ("a quoted mailbox", {"mail": '"a"@b.example'}),
        ("a mailbox in capitals of its domain", {"mail": "a@B.example"}),
        ("an international mailbox", {"mail": "\u00e9@b.example"}),
        ("two mailboxes", {"mail": "a@b.example,c@d.example"}),
        ("a comment in a mailbox", {"mail": "a(x)@b.example"}),
        ("capitals in a digest", {"digest": "sha256:" + "AB" * 32}),
        ("a short digest", {"digest": "sha256:00"}),
        ("a weak digest", {"digest": "sha1:" + "00" * 20}),
        ("a day that is not in the calendar", {"day": "2026-02-29"}),
        ("a day as a moment", {"day": "2026-02-20T00:00:00Z"}),
        ("an hour that does not exist", {"hour": "24:00:00"}),
        ("a time without seconds", {"hour": "09:00"}),
        ("a time with empty milliseconds", {"hour": "09:00:00.000"}),
        ("a set for a list", {"order": {1, 2}}),
        ("a list beyond its bound", {"order": [1, 2, 3, 4]}),
        ("True in a list of Int", {"order": [True]}),
        ("bytes beyond the bound", {"name": "\u00e9" * 5}),
        ("bytes for a text", {"host": b"a.example"}),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_spelling(name: str, args: dict[str, object]) -> None:
    with pytest.raises(IntentError):
        validate(CHECKED.schema, TEST_SCOPE, offered(**args))


def test_the_canonical_spellings_get_through() -> None:
    valid = validate(
        CHECKED.schema, TEST_SCOPE,
        offered(
            url="https://xn--bcher-kva.example:8443/caf%C3%A9?next=%2Fadmin", path="/caf\u00e9/a%20b", host="[2001:db8::1]", ip="10.0.0.0/8",
            mail="a.b+c@d.example", digest="sha256:" + "ab" * 32, day="2028-02-29", hour="23:59:59.999", order=[2, 2, 1], name="\u00e9" * 4,
        ),
    )  # fmt: skip
    assert valid.args["order"] == (2, 2, 1)


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/users"])
def test_a_forbidden_path_is_forbidden_in_every_spelling_that_gets_through(path: str) -> None:
    world = {ref: Entity(ref=ref) for ref in (USER, NET)}
    snapshot = type_snapshot(CHECKED.schema, EntitySnapshot(version="1", entities=world))
    found = decide(compile_set(CHECKED), validate(CHECKED.schema, TEST_SCOPE, offered(path=path)), snapshot, now_ms=0)
    assert isinstance(found, Deny)
    assert found.kind == "forbid"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ('args has host and args.host like "*good.example"', "type.operator"),
        ('args has url and args.url == "https://a.example"', "type.literal"),
        ('args has url and args.url like "https://*good.example/**"', "type.pattern"),
        ('args has url and args.url like "*/admin"', "type.pattern"),
        ('args has path and args.path like "admin/**"', "type.pattern"),
        ('args has path and args.path.under("admin")', "type.literal"),
        ('args has path and args.path in ["/a/../b"]', "type.literal"),
        ('args has host and args.host.under(".example")', "type.literal"),
        ('args has ip and args.ip in "10.0.0.1/8"', "type.literal"),
        ('args has url and args.url.host() == args.url.scheme()', "type.mismatch"),
    ],
)
def test_a_rule_cannot_be_written_on_text(condition: str, code: str) -> None:
    text = TEXT + f'@id("x") permit x {{ action == call; when {condition}; }}'
    assert code in [item.code for item in check_all([Source.from_text("t.policy", text)])[1]]
