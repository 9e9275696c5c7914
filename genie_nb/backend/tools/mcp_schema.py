"""What a server says of its tools, made harmless: names that every model takes, schemas that are small, closed and finite.

A server may lie: a schema that is none, that is huge, that refers to itself or to another place. What cannot be used becomes
a schema that takes anything; the server itself is left to refuse what it does not want.

Above: `mcp`. Below: nothing.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from genie_nb.parts import readable

__all__ = ("Listed", "harmless_schema", "read_listing", "tool_name", "unique_names")

NAME_CHARACTERS = 64
"""What OpenAI's dialect takes: letters, digits, `_` and `-`."""
NODES, DEPTH, TEXT_CHARACTERS = 1_000, 12, 1_000
"""How much of a schema a model is shown."""
ABOUT_CHARACTERS = 4_000
"""So much of a tool's description is told."""
_TEXTS = ("title", "description", "pattern", "format")
_SCHEMAS = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPPINGS = ("properties", "patternProperties")
_VALUES = (
    "type", "enum", "const", "default", "examples", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "required",
)  # fmt: skip
_ANYTHING: dict[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Listed:
    """A tool as its server lists it, made harmless but for its name."""

    name: str
    about: str
    schema: dict[str, Any]


def read_listing(tools: Iterable[Any]) -> tuple[Listed, ...]:
    """The tools of a listing as it is on the wire: `name`, `description`, `inputSchema`."""
    return tuple(
        Listed(
            tool["name"],
            readable(str(tool.get("description") or ""))[:ABOUT_CHARACTERS],
            harmless_schema(tool.get("inputSchema")),
        )
        for tool in tools
        if isinstance(tool, dict) and isinstance(tool.get("name"), str)
    )


class _TooMuch(Exception):
    """The schema is larger than a model should see."""


def tool_name(server: str, tool: str, *, marked: bool = False) -> str:
    """`server__tool` in letters that every model takes; what is cut or `marked` ends in a hash of the whole name."""
    clean = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}__{tool}")
    if not (marked or len(clean) > NAME_CHARACTERS or not re.search(r"[A-Za-z0-9]", clean.removeprefix(f"{server}__"))):
        return clean
    mark = hashlib.sha256(f"{server}\n{tool}".encode(errors="replace")).hexdigest()[:8]
    return f"{clean[: NAME_CHARACTERS - 9].rstrip('_')}_{mark}"


def unique_names(tools: Iterable[tuple[str, str]], taken: Iterable[str] = ()) -> list[str]:
    """A name for each (server, tool), in order; of two that would be one, the later is marked."""
    used, names = set(taken), list[str]()
    for server, tool in tools:
        name = tool_name(server, tool)
        if name in used:
            name = tool_name(server, tool, marked=True)
        names.append("" if name in used else name)  # the same tool twice: the first counts
        used.add(name)
    return names


def harmless_schema(schema: Any) -> dict[str, Any]:
    """The schema of a tool's arguments as a model may see it: type object, without references."""
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        return dict(_ANYTHING)
    try:
        plain = _Inliner(schema).plain(schema, (), 0)
    except (_TooMuch, RecursionError):
        return dict(_ANYTHING)
    plain = plain if isinstance(plain, dict) else {}
    known = plain.get("properties")
    known = known if isinstance(known, dict) else {}
    properties = {name: about if isinstance(about, dict) else {} for name, about in known.items()}
    required = plain.get("required")
    required = required if isinstance(required, list) else []
    named = [name for name in required if isinstance(name, str) and name in properties]
    return plain | {"type": "object", "properties": properties, "required": list(dict.fromkeys(named))}


class _Inliner:
    """Copies a schema with its references replaced by what they refer to, once along each path."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self._whole = whole
        self._left = NODES

    def plain(self, schema: Any, seen: tuple[str, ...], depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        if not isinstance(schema, dict):
            return schema if isinstance(schema, bool) else {}
        if depth > DEPTH:
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = None if reference in seen else self._find(reference)
            found = {} if target is None else self.plain(target, (*seen, reference), depth + 1)
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return (found if isinstance(found, dict) else {}) | self.plain(rest, seen, depth + 1)
        return self._copied(schema, seen, depth)

    def _copied(self, schema: dict[str, Any], seen: tuple[str, ...], depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _TEXTS and isinstance(value, str):
                copy[key] = readable(value)[:TEXT_CHARACTERS]
            elif key in _VALUES:
                copy[key] = self._value(value)
            elif key in _SCHEMAS:
                copy[key] = self.plain(value, seen, depth + 1)
            elif key in _LISTS and isinstance(value, list):
                copy[key] = [self.plain(one, seen, depth + 1) for one in value]
            elif key in _MAPPINGS and isinstance(value, dict):
                copy[key] = {readable(name)[:200]: self.plain(one, seen, depth + 1) for name, one in value.items()}
        return copy

    def _value(self, value: Any) -> Any:
        """A value that is no schema, of which each part counts."""
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if isinstance(value, dict):
            return {readable(name): self._value(one) for name, one in value.items()}
        return readable(value)[:TEXT_CHARACTERS] if isinstance(value, str) else value

    def _find(self, reference: str) -> Any:
        """What a reference into this very schema refers to; nothing else is ever looked up."""
        if not reference.startswith("#/"):
            return self._whole if reference == "#" else None
        found: Any = self._whole
        for part in reference[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            found = found.get(part) if isinstance(found, dict) else None
        return found
