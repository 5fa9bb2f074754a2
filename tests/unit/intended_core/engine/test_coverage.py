from __future__ import annotations

from intended_core.engine.coverage import ClauseCoverage, Coverage, CoverageWatch
from intended_core.flows.policytests import run_tests
from intended_core.lang.typed import Span
from intended_core.toolbox import checked_policies
from tests.reference.payday import FILES

CHECKED = checked_policies(FILES)


def test_each_clause_is_counted_by_its_answer() -> None:
    watch = CoverageWatch(CHECKED)
    run_tests(CHECKED, watch=watch)
    seen = {(one.rule, one.kind): (one.true, one.false, one.error) for one in watch.report().clauses}
    assert seen["pay.small", "when"] == (2, 1, 0)
    assert seen["pay.small", "unless"] == (2, 0, 0)
    assert seen["risk.stop", "when"] == (1, 2, 0)
    assert [(one.rule, one.missing) for one in watch.report().clauses if one.missing] == [
        ("pay.large", ("false",)),
        ("pay.small", ("false",)),
    ]
    assert watch.report().percent == 83.3


def test_nothing_run_is_nothing_seen() -> None:
    report = CoverageWatch(CHECKED).report()
    assert (report.percent, len(report.clauses)) == (0.0, 7)


def test_an_error_is_counted_apart() -> None:
    text = FILES["pay.policy"].decode().replace("risk >= 90", "risk * 9_000_000_000_000_000_000 >= 90")
    checked = checked_policies({"pay.policy": text.encode()})
    watch = CoverageWatch(checked)
    run_tests(checked, only="too RISKY", watch=watch)
    (found,) = [one for one in watch.report().clauses if one.rule == "risk.stop"]
    assert (found.true, found.false, found.error) == (0, 0, 1)


LIMITS = """
entity Group; @root entity User in Group; entity Doc;
action read { principal: User; resource: Doc; args: { n: Int }; }
meter m { on: [read]; key: [principal]; window: sliding(1m); amount: args.n; }
@id("p") permit p { action == read; when args.n > 0; }
@id("f") forbid f { meter m > 20; because "enough"; }
@id("g") escalate g { meter m > 10; approval { from: Group::"g"; quorum: args.n; expires: 1h; } }
@id("h") forbid h { meter m > 9_223_372_036_854_775_777 + args.n; }
fixture w { entity Group::"g"; entity User::"u"; entity Doc::"d"; }
test "counted" with w {
  given n = 1;
  intent { principal: User::"u"; action: read; resource: Doc::"d"; args: { n: n }; now: datetime("2026-11-23T10:00:00Z"); }
  case "few" expect allow;
  case "some" { n: 12 } expect escalate;
  case "many" { n: 30 } expect deny(error);
  case "too many" { n: 31 } expect deny(error);
}
"""


def test_ceilings_and_approvals_are_counted() -> None:
    checked = checked_policies({"t.policy": LIMITS.encode()})
    watch = CoverageWatch(checked)
    run_tests(checked, watch=watch)
    seen = {(one.rule, one.kind): (one.true, one.false, one.error) for one in watch.report().clauses}
    assert seen == {
        ("p", "when"): (4, 0, 0), ("f", "meter"): (2, 2, 0), ("g", "meter"): (3, 1, 0), ("g", "approval"): (1, 0, 2), ("h", "meter"): (0, 3, 1),
    }  # fmt: skip
    assert [(one.rule, one.kind, one.missing) for one in watch.report().clauses if one.missing] == [
        ("h", "meter", ("true",)), ("p", "when", ("false",)),
    ]  # fmt: skip
    assert watch.report().percent == 77.7


def test_a_hundred_percent_is_everything() -> None:
    clauses = tuple(
        ClauseCoverage(rule=f"r{n}", name="r", kind="when", span=Span("t.policy", n, 1, n, 2), true=1, false=int(n > 0), error=0) for n in range(2_000)
    )
    assert Coverage(clauses=clauses).percent == 99.9
    assert Coverage(clauses=clauses[1:]).percent == 100.0
    assert Coverage(clauses=()).percent == 100.0


SHARED = """
entity Doc; @root entity User;
action read { principal: User; resource: Doc; args: { n: Int }; }
def large(n: Int): Bool = n > 10;
@id("a") permit a { action == read; when large(args.n); unless large(args.n); }
@id("b") forbid b { action == read; principal == User::"v"; when large(args.n); }
fixture w { entity User::"u"; entity Doc::"d"; }
test "shared" with w {
  intent { principal: User::"u"; action: read; resource: Doc::"d"; args: { n: 11 }; now: datetime("2026-11-23T10:00:00Z"); }
  case "one" expect deny(default);
}
"""


def test_clauses_that_share_a_definition_are_told_apart() -> None:
    checked = checked_policies({"t.policy": SHARED.encode()})
    watch = CoverageWatch(checked)
    run_tests(checked, watch=watch)
    seen = [(one.rule, one.kind, one.true, one.false, one.error) for one in watch.report().clauses]
    assert seen == [("a", "when", 1, 0, 0), ("a", "unless", 0, 1, 0), ("b", "when", 0, 0, 0)]
