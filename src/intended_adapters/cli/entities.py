"""Commands for entities: put, list, show and remove them, JSON in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import JsonFlag, counted, emit, place, read_file
from intended_core import entities_from_json, entities_json, entity_ref

__all__ = ["entities"]

entities = typer.Typer()
BATCH = 1_000  # as many as one unit takes


@entities.command("load")
@entities.command("put")
def entities_put(
    path: Annotated[Path, typer.Argument(help="A JSON list of entities; - for standard input.")], json: JsonFlag = False
) -> None:
    """Insert or replace entities from a JSON list, all or nothing per thousand.

    Example: intended --tenant acme entities put entities.json
    """
    found = entities_from_json(read_file(path))
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        for start in range(0, len(found), BATCH):
            tenant.put_entities(found[start : start + BATCH])
        emit(json, {"loaded": len(found)}, f"loaded {counted(len(found), 'entity', 'entities')}")


@entities.command("list")
def entities_list(
    kind: Annotated[str, typer.Option("--type", help="Only those of this type.")] = "", json: JsonFlag = False
) -> None:
    """List entities; with --json as `entities put` takes them, under `entities`.

    Example: intended --tenant acme entities list --type User
    """
    where = place()
    with where.open() as authority:
        found = where.handle(authority).entities.list(kind)
    emit(json, {"entities": entities_json(found)}, "\n".join(str(entity.ref) for entity in found) or "no entities")


@entities.command("show")
def entities_show(
    entity: Annotated[str, typer.Argument(help='As in policies: User::"ann".')], json: JsonFlag = False
) -> None:
    """Show one entity: its parents and attributes.

    Example: intended --tenant acme entities show 'User::"ann"'
    """
    ref = entity_ref(entity)
    where = place()
    with where.open() as authority:
        found = where.handle(authority).entities.show(ref)
    (shown,) = entities_json([found])
    lines = [str(ref), *(f"  in {parent}" for parent in sorted(found.parents))]
    attributes = shown["attributes"] if isinstance(shown, dict) else {}
    lines += [f"  {name} = {value}" for name, value in sorted(attributes.items())] if isinstance(attributes, dict) else []
    emit(json, {"entity": shown}, "\n".join(lines))


@entities.command("remove")
def entities_remove(
    entity: Annotated[list[str], typer.Argument(help='As in policies: User::"ann".')], json: JsonFlag = False
) -> None:
    """Remove entities, all or nothing: from now on an intent that needs one is denied.

    Example: intended --tenant acme entities remove 'User::"ann"'
    """
    refs = [entity_ref(each) for each in entity]
    where = place()
    with where.open() as authority:
        seq = where.handle(authority).remove_entities(refs)
        emit(json, {"removed": [str(ref) for ref in refs], "seq": seq}, f"removed {counted(len(refs), 'entity', 'entities')}; record {seq}")
