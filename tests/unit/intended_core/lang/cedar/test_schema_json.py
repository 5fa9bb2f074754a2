"""The JSON syntax of schemas says what the human one says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intended_core.lang.cedar.loading import load_schema
from intended_core.lang.cedar.schema_json import parse_schema_json
from intended_core.lang.report import Refused

TEXT = b"""
namespace N {
  type T = { a: Long, b?: Set<User> };
  entity User in [Group] = { t: T, d: decimal, c: Color } tags String;
  entity Group; entity Color enum ["red"];
  action view in [all] appliesTo { principal: [User], resource: [User], context: { ip: ipaddr, ok: Bool } };
  action all;
}
"""
JSON: dict[str, Any] = {
    "N": {
        "commonTypes": {
            "T": {"type": "Record", "attributes": {"a": {"type": "Long"}, "b": {"type": "Set", "element": {"type": "Entity", "name": "User"}, "required": False}}}
        },
        "entityTypes": {
            "User": {
                "memberOfTypes": ["Group"],
                "shape": {"type": "Record", "attributes": {"t": {"type": "T"}, "d": {"type": "Extension", "name": "decimal"}, "c": {"type": "EntityOrCommon", "name": "Color"}}},
                "tags": {"type": "String"},
            },
            "Group": {},
            "Color": {"enum": ["red"]},
        },
        "actions": {
            "all": {},
            "view": {
                "memberOf": [{"id": "all"}],
                "appliesTo": {
                    "principalTypes": ["User"],
                    "resourceTypes": ["User"],
                    "context": {"type": "Record", "attributes": {"ip": {"type": "Extension", "name": "ipaddr"}, "ok": {"type": "Boolean"}}},
                },
            },
        },
    }
}


def test_both_syntaxes_are_one_schema() -> None:
    assert load_schema("s.cedarschema.json", json.dumps(JSON).encode()) == load_schema("s.cedarschema", TEXT)


@pytest.mark.parametrize(
    "value",
    [
        [], {"": []}, {"": {"entityTypes": {}, "actions": {}, "more": {}}}, {"": {"entityTypes": {"A": {"shape": {"type": "Nope"}}}}},
        {"": {"entityTypes": {"A": {"shape": {"type": "Long", "element": {}}}}}}, {"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {}, "additionalAttributes": True}}}}},
        {"": {"actions": {"a": {"attributes": {"x": 1}}}}}, {"": {"actions": {"a": {"memberOf": [{"id": 1}]}}}}, {"": {"actions": {"a": {"appliesTo": {"principalTypes": "A"}}}}},
        {"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {"a": {"type": "Long", "required": 1}}}}}}},
    ],
    ids=range(10),
)  # fmt: skip
def test_refused(value: object) -> None:
    with pytest.raises(Refused):
        load_schema("s.json", json.dumps(value).encode())


def test_an_empty_schema_is_one_namespace() -> None:
    assert [space.name for space in parse_schema_json("s.json", b"{}")] == [""]
