"""What a server says of its tools, made harmless."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.tools.mcp_schema import harmless_schema, read_listing, tool_name, unique_names

ANYTHING = {"type": "object", "properties": {}}
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

NAMES = {
    "plain": ("demo", "weather", "demo__weather"),
    "dots-and-slashes": ("demo", "files.read/all", "demo__files_read_all"),
    "spaces": ("demo", "get the weather", "demo__get_the_weather"),
}


@pytest.mark.parametrize(("server", "tool", "name"), NAMES.values(), ids=NAMES)
def test_a_name_is_the_servers_and_the_tools(server: str, tool: str, name: str) -> None:
    assert tool_name(server, tool) == name


@given(st.text(max_size=200), st.lists(st.text(max_size=120), max_size=12))
def test_names_are_what_every_model_takes_and_different(server: str, tools: list[str]) -> None:
    server = re.sub(r"[^A-Za-z0-9_-]", "", server)[:40] or "mcp"
    names = unique_names((server, tool) for tool in tools)
    used = [name for name in names if name]
    assert all(NAME.fullmatch(name) for name in used)
    assert len(set(used)) == len(used)
    assert len(used) >= len(set(tools))


def test_a_long_name_is_cut_and_stays_the_same_and_apart() -> None:
    one, two = tool_name("demo", "x" * 80), tool_name("demo", "x" * 81)
    assert (len(one), len(two), one == two) == (64, 64, False)
    assert one == tool_name("demo", "x" * 80)


def test_a_name_that_is_taken_is_marked() -> None:
    plain, marked = unique_names([("a", "b.c"), ("a", "b_c")])
    assert plain == "a__b_c"
    assert re.fullmatch(r"a__b_c_[0-9a-f]{8}", marked)
    assert unique_names([("a", "b")], taken=["a__b"])[0].startswith("a__b_")


def test_a_tool_that_is_listed_twice_counts_once() -> None:
    assert unique_names([("a", "b"), ("a", "b"), ("a", "b")])[2] == ""


LIES = {
    "nothing": None,
    "a-text": "object",
    "another-type": {"type": "array", "items": {}},
    "too-many-properties": {"type": "object", "properties": {f"p{n}": {} for n in range(2000)}},
    "too-many-choices": {"type": "object", "properties": {"a": {"enum": list(range(5000))}}},
    "doubling": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/d0"}},
        "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 6} for n in range(60)},
    },
}


@pytest.mark.parametrize("schema", LIES.values(), ids=LIES)
def test_a_schema_that_cannot_be_used_takes_anything(schema: Any) -> None:
    assert harmless_schema(schema) == ANYTHING


def test_a_reference_is_replaced_by_what_it_refers_to_and_a_circle_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "name": {"type": "string"}}}
    schema = {"type": "object", "properties": {"list": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    plain = harmless_schema(schema)
    assert plain["properties"]["list"]["properties"] == {"next": {}, "name": {"type": "string"}}
    assert "$" not in json.dumps(plain)


def test_a_reference_to_another_place_is_never_looked_up() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/a", "description": "A."}}}
    assert harmless_schema(schema)["properties"] == {"a": {"description": "A."}}


def test_what_is_required_must_be_there() -> None:
    schema = {"type": "object", "properties": {"a": True, "b": {"type": "string"}}, "required": ["a", "b", "b", "c", 5]}
    plain = harmless_schema(schema)
    assert (plain["properties"], plain["required"]) == ({"a": {}, "b": {"type": "string"}}, ["a", "b"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)
keys = st.sampled_from(["type", "properties", "required", "$ref", "anyOf", "items", "enum", "a"])


@given(st.dictionaries(keys, json_values | st.dictionaries(keys, json_values, max_size=4), max_size=6))
def test_whatever_a_server_says_becomes_an_object_schema(schema: dict[str, Any]) -> None:
    plain = harmless_schema(schema)
    assert plain["type"] == "object"
    assert all(isinstance(about, dict) for about in plain["properties"].values())
    assert all(isinstance(name, str) and name in plain["properties"] for name in plain.get("required", ()))
    json.dumps(plain)


def test_a_schema_that_is_deep_is_cut() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(900):
        schema = {"type": "object", "properties": {"a": schema}}
    assert len(json.dumps(harmless_schema(schema))) < 2000


def test_a_listing_is_read_tool_by_tool() -> None:
    listed = read_listing([{"name": "a", "description": "x" * 9000}, {"no": "name"}, "nonsense", {"name": 5}])
    assert [(tool.name, len(tool.about), tool.schema) for tool in listed] == [("a", 4000, ANYTHING)]
