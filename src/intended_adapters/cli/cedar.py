"""import cedar: Cedar's policies, schema and entities as native files that decide the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import Exit, JsonFlag, counted, emit, fail, read_file
from intended_core import PolicyError, cedar_entities, cedar_links_from_json, import_cedar, load_cedar

__all__ = ["cedar", "imports"]

_POLICY, _SCHEMAS, _ENTITIES = ".cedar", (".cedarschema", "schema.json"), "entities.json"

imports = typer.Typer(help="Bring policies from elsewhere.")


@imports.callback()
def _group() -> None:
    """Bring policies from elsewhere."""


@imports.command()
def cedar(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Cedar files (.cedar, .cedarschema, .json), or a directory of them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The directory to write to; nothing in it is overwritten.")],
    links: Annotated[
        Path | None, typer.Option(help="Template links: a JSON list of template_id, link_id and args.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write native policies, and entities, that decide as the Cedar ones do; or nothing, and say what cannot be said.

    Example: intended import cedar photo-app --out policies/photos
    """
    files = _files(paths)
    policies = {path.name: read_file(path) for path in files if path.suffix == _POLICY}
    schemas = [path for path in files if path.name.endswith(_SCHEMAS)]
    known = [path for path in files if path.name.endswith(_ENTITIES)]
    if not policies or len(schemas) != 1 or len(known) > 1:
        fail(
            Exit.USAGE,
            "Cedar files are needed: policies (.cedar), one schema (.cedarschema or …schema.json), at most one …entities.json",
        )
    linked = () if links is None else cedar_links_from_json(read_file(links))
    report = load_cedar(policies, (schemas[0].name, read_file(schemas[0])), linked)
    if report.loaded is None:
        raise PolicyError(report.text, diagnostics=report.diagnostics)
    snapshot = cedar_entities(report.loaded, read_file(known[0])) if known else None
    imported = import_cedar(report.loaded, snapshot)
    made = {out / "cedar.policy": imported.policy.encode("utf-8")}
    if imported.entities is not None:
        made[out / "entities.json"] = imported.entities
    there = [str(path) for path in made if path.exists()]
    if there:
        fail(Exit.USAGE, f"{', '.join(there)} exists already; nothing was written")
    out.mkdir(parents=True, exist_ok=True)
    for path, content in made.items():
        path.write_bytes(content)
    data = {
        "written": [str(path) for path in made], "rules": dict(imported.rules), "types": dict(imported.types),
        "actions": dict(imported.actions),
    }  # fmt: skip
    lines = [f"wrote {path}" for path in made]
    lines.append(f"{counted(len(report.loaded.policies), 'Cedar policy', 'Cedar policies')}, {counted(len(imported.rules), 'rule')}")
    emit(json, data, "\n".join(lines))


def _files(paths: list[Path]) -> list[Path]:
    """The files that are named, and those of folders that are. A policy that would be left out is refused: it could be a forbid."""
    found: dict[Path, Path] = {}
    for given in paths:
        inside = sorted(given.iterdir()) if given.is_dir() else []
        for deep in sorted(given.rglob(f"*{_POLICY}")) if inside else []:
            if deep.parent != given and not deep.is_dir():
                fail(Exit.USAGE, f"{deep} stands in a folder of its own: import that folder apart, or name the file")
        for path in inside or [given]:
            if not inside and path.suffix != _POLICY and not path.name.endswith((*_SCHEMAS, _ENTITIES)):
                fail(Exit.USAGE, f"{path} is none of {_POLICY}, {', '.join(_SCHEMAS)} and {_ENTITIES}")
            if inside and path.suffix == _POLICY and path.exists() and not path.is_file() and not path.is_dir():
                fail(Exit.INPUT, f"{path} is no regular file")
            if path.is_file() or not inside or (path.suffix == _POLICY and not path.is_dir()):
                found.setdefault(path.resolve(), path)
    named: dict[str, Path] = {}
    for path in found.values():
        if path.suffix == _POLICY and named.setdefault(path.name, path) != path:
            fail(Exit.USAGE, f"{named[path.name]} and {path} would have the same name in rules")
    return sorted(found.values())
