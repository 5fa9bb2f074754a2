"""Nine sample applications: their own requests decide as their folders say, and every request of the cross product as Cedar's engine decides it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from intended_core import CedarSet, Deny, IntentError, cedar_entities, cedar_links_from_json, decide_cedar, load_cedar
from intended_core.lang.cedar.refs import CedarRef, quoted
from tests.judges.cedar_world import CEDAR, needs_vectors

pytestmark = needs_vectors
EXAMPLES = CEDAR / "examples"
USES = EXAMPLES / "cedar-example-use-cases"
# application -> its folders (a templated one beside a static one is the same application)
APPLICATIONS: dict[str, tuple[Path, ...]] = {
    "document_cloud": (USES / "document_cloud",),
    "github_example": (USES / "github_example",),
    "hotel_chains": (USES / "hotel_chains" / "static", USES / "hotel_chains" / "templated"),
    "sales_orgs": (USES / "sales_orgs" / "static", USES / "sales_orgs" / "templated"),
    "streaming_service": (USES / "streaming_service",),
    "tags_n_roles": (USES / "tags_n_roles",),
    "tax_preparer": (USES / "tax_preparer",),
    "GitApp": (EXAMPLES / "cedar-policy-language-in-action" / "GitApp",),
    "PhotoApp": (EXAMPLES / "cedar-policy-language-in-action" / "PhotoApp",),
}
FOLDERS = {f"{name}/{at}": folder for name, folders in APPLICATIONS.items() for at, folder in enumerate(folders)}
# two samples hold entities that their own schema refuses (Cedar's engine does too): what is replaced before they are judged
MENDED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "document_cloud": tuple(
        ("entities", f'"type": "Document",\n                    "id": "alice_public_{name}"', f'"type": "DocumentShare", "id": "alice_public_{name}"')
        for name in ("modify", "manage")
    ),
    "github_example": (
        ("schema", "entity User in [UserGroup, Team]", "entity Organization in [UserGroup]; entity User in [UserGroup, Team, Organization]"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Application:
    """One folder, read."""

    policies: str
    schema: str
    entities: str
    links: bytes | None
    requests: tuple[tuple[str, dict[str, Any]], ...]

    def load(self) -> CedarSet:
        """Its policies in Cedar mode."""
        links = () if self.links is None else cedar_links_from_json(self.links)
        report = load_cedar({"p.cedar": self.policies.encode()}, ("s.cedarschema", self.schema.encode()), links)
        assert report.loaded is not None, report.text
        return report.loaded

    def cedar(self) -> tuple[cedarpy.PolicySet, cedarpy.Schema]:
        """Its policies, linked, and its schema in Cedar's own engine."""
        policies = cedarpy.PolicySet.from_str(self.policies)
        for link in () if self.links is None else cedar_links_from_json(self.links):
            policies = policies.with_linked(
                link.template, link.new_id, {slot: str(ref) for slot, ref in link.values.items()}
            )
        return policies, cedarpy.Schema.from_str(self.schema)


def application(folder: Path, *, mended: bool = True) -> Application:
    """The application in this folder."""
    requests = tuple(
        (kind, json.loads(path.read_bytes()))
        for kind in ("ALLOW", "DENY")
        for path in sorted((folder / kind).glob("*.json"))
    )
    links = folder / "linked"
    texts = {
        "policies": next(folder.glob("*.cedar")).read_text(), "schema": next(folder.glob("*.cedarschema")).read_text(),
        "entities": next(folder.glob("*entities.json")).read_text(),
    }  # fmt: skip
    for which, old, new in MENDED.get(folder.name, ()) if mended else ():
        assert old in texts[which]
        texts[which] = texts[which].replace(old, new)
    return Application(
        texts["policies"], texts["schema"], texts["entities"], links.read_bytes() if links.exists() else None, requests
    )


def cross(loaded: CedarSet, app: Application) -> Iterator[dict[str, Any]]:
    """Every principal, action and resource that is told or asked about, under every context that some request gives."""
    told = [item["uid"].get("__entity", item["uid"]) for item in json.loads(app.entities)]
    known = {CedarRef(uid["type"], uid["id"]) for uid in told}
    asked = [ref for _, request in app.requests for ref in (request["principal"], request["resource"])]
    names = {str(ref) for ref in known} | set(asked)
    contexts = {json.dumps(request.get("context", {}), sort_keys=True) for _, request in app.requests} | {"{}"}
    for ref, info in loaded.schema.actions.items():
        principals = sorted(name for name in names if name.rpartition('::"')[0] in info.principals)
        resources = sorted(name for name in names if name.rpartition('::"')[0] in info.resources)
        for principal, resource, context in product(principals, resources, sorted(contexts)):
            yield {
                "principal": principal,
                "action": f"{ref.type}::{quoted(ref.id)}",
                "resource": resource,
                "context": json.loads(context),
            }


@pytest.mark.parametrize("name", sorted(MENDED))
def test_what_a_schema_refuses_is_refused_as_cedar_does(name: str) -> None:
    app = application(USES / name, mended=False)
    with pytest.raises(ValueError, match="entit"):
        cedarpy.Entities.from_json_str(app.entities, app.schema)
    with pytest.raises(IntentError):
        cedar_entities(app.load(), app.entities.encode())


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_its_own_requests(name: str) -> None:
    app = application(FOLDERS[name])
    loaded = app.load()
    entities = cedar_entities(loaded, app.entities.encode())
    assert app.requests
    for kind, request in app.requests:
        outcome = decide_cedar(loaded, entities, {"context": {}, **request})
        assert isinstance(outcome, Deny) is (kind == "DENY"), request


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_every_request_of_the_cross_product(name: str) -> None:
    app = application(FOLDERS[name])
    loaded = app.load()
    policies, schema = app.cedar()
    theirs = cedarpy.Entities.from_json_str(app.entities, schema)
    ours = cedar_entities(loaded, app.entities.encode())
    judged = 0
    for request in cross(loaded, app):
        answer = cedarpy.is_authorized(request, policies, theirs, schema=schema)
        if answer.decision.value == "NoDecision":
            with pytest.raises(Exception, match=r"context"):
                decide_cedar(loaded, ours, request)
            continue
        outcome = decide_cedar(loaded, ours, request)
        judged += 1
        assert answer.diagnostics.errors == [] or isinstance(outcome, Deny)
        if not answer.diagnostics.errors:
            assert isinstance(outcome, Deny) is (answer.decision.value == "Deny"), request
            assert list(outcome.rules) == sorted(answer.diagnostics.reasons)
    print(name, judged)
    assert judged >= len(app.requests)
