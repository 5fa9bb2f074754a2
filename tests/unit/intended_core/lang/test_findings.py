from __future__ import annotations

from intended_core.lang.diagnostics import CODES, Diagnostic
from intended_core.lang.findings import github, sarif
from intended_core.lang.typed import Span

ERROR = Diagnostic(
    code="name.unknown", message="there is no `x`", span=Span("a,b.policy", 2, 3, 2, 5), cause="100% sure", help="say `y`", notes=("n",)
)
WARNING = Diagnostic(code="lint.unused", message="unused", span=Span("c.policy", 1, 1, 4, 2), severity="warning")


def test_sarif_has_what_the_standard_requires() -> None:
    log = sarif([ERROR, WARNING, ERROR], version="1.2")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]  # type: ignore[misc]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("intended", "1.2")
    ids = [rule["id"] for rule in driver["rules"]]
    assert ids == [code for code in CODES if code in ("name.unknown", "lint.unused")]
    assert len(run["results"]) == 3
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a,b.policy"}
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 6}
    assert run["columnKind"] == "unicodeCodePoints"


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    (run,) = sarif([], version="1")["runs"]  # type: ignore[misc]
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_github_commands_escape_what_would_end_them() -> None:
    text = github([ERROR, WARNING])
    assert text == (
        "::error file=a%2Cb.policy,line=2,col=3,endLine=2,endColumn=5,title=name.unknown"
        "::there is no `x`%0Acause: 100%25 sure%0Ahelp: say `y`%0Anote: n\n"
        "::warning file=c.policy,line=1,col=1,endLine=4,title=lint.unused::unused\n"
    )
    assert github([]) == ""
