"""The person's own tools: whether a question means one, and its arguments from the question's words.

Above: `jobs`. Below: `models/base`, `columns`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from genie_nb.backend.models.analyst.columns import Source, words_of
from genie_nb.backend.models.analyst.numbers import figure
from genie_nb.backend.models.base import ToolSpec

__all__ = ("OWN", "arguments_for", "converted_amount", "tool_for")

# Tools of the house: they are used by rule and not for what their descriptions say.
OWN = frozenset(
    {"code_interpreter", "plan", "deliver", "deep_search", "report", "files", "read_file", "write_file", "list_files"}
)
_COMMON_WORDS = """
    the a an of in on by for per and or to from with as is are be this that it its give get return tool use call
    compute calculate given number value string text list one two what how name result input output argument many
    much do can i me my you please
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_CHINESE_COMMON = frozenset(
    ["计算", "给出", "返回", "查询", "一个", "工具", "数据", "结果", "什么", "多少", "使用", "输入", "输出", "根据", "进行"]
)


def tool_for(question: str, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The tool that the question names, or whose name and description it plainly shares words with."""
    others = [tool for tool in tools if tool.name not in OWN]
    for tool in others:
        if any(_named(name, question) for name in _names(tool.name)):
            return tool
    scored = [(_shared(question, tool), tool) for tool in others]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= 2 else None


def _names(name: str) -> tuple[str, ...]:
    """What a question may call a tool: by its name; one of an MCP server also without the server's, if that says enough."""
    bare = name.partition("__")[2]
    return (name, bare) if re.search(r"[A-Za-z0-9][-_][A-Za-z0-9]", bare) else (name,)


def _named(name: str, question: str) -> bool:
    pattern = re.sub("[-_]+", "[-_ ]+", re.escape(name).replace("\\-", "-"))
    return re.search(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])", question, re.IGNORECASE) is not None


def _shared(question: str, tool: ToolSpec) -> float:
    asked = set(words_of(question)) - _COMMON
    name = set(words_of(re.sub("[-_]", " ", tool.name))) - _COMMON
    described = set(words_of(tool.description)) - _COMMON
    pairs = _bigrams(question) & _bigrams(tool.description) - _CHINESE_COMMON
    return 1.5 * len(asked & name) + len(asked & (described - name)) + len(pairs)


def _bigrams(text: str) -> set[str]:
    runs = re.findall(r"[\u4e00-\u9fff]{2,}", text)
    return {run[at : at + 2] for run in runs for at in range(len(run) - 1)}


def arguments_for(question: str, tool: ToolSpec, sources: Sequence[Source]) -> dict[str, Any]:
    """The tool's arguments: what stands after a parameter's name first, then values of the right type in order."""
    properties: Mapping[str, Any] = tool.parameters.get("properties") or {}
    required = set(tool.parameters.get("required") or properties)
    text = re.sub(re.escape(tool.name), " ", question, flags=re.IGNORECASE)
    found: dict[str, Any] = {}
    for name, schema in properties.items():
        value = _after_name(text, name, _type(schema), schema)
        if value is not None:
            found[name] = value[0]
            text = text.replace(value[1], " ", 1)
    for name, schema in properties.items():
        if name in found:
            continue
        optional = name not in required and "default" in schema
        value = _plain_choice(text, schema) if optional else _next_value(text, name, _type(schema), schema, sources)
        if value is not None:
            found[name] = value[0]
            text = text.replace(value[1], " ", 1) if value[1] else text
    if not found and len(properties) == 1:
        name, schema = next(iter(properties.items()))
        if _type(schema) == "string":
            found[name] = question
    return {name: found[name] for name in properties if name in found}


def converted_amount(question: str, tool: ToolSpec, arguments: Mapping[str, Any], output: str) -> tuple[str, str] | None:
    """The one amount of a question that a rate is to be applied to, and what it comes to."""
    rated = re.search(r"rate|汇率|换算", f"{tool.name} {tool.description}", re.IGNORECASE)
    asked = re.search(r"\b(?:in|into|to|convert\w*|worth)\b|换|兑|合|折|是多少", question, re.IGNORECASE)
    amounts = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w%])", question)
    if not (rated and asked and len(amounts) == 1 and re.fullmatch(r"\d+(?:\.\d+)?", output)):
        return None
    amount = float(amounts[0].replace(",", ""))
    if amount in arguments.values():
        return None
    return figure(amount), figure(amount * float(output))


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((entry for entry in kind if entry != "null"), "string")
    if kind is None and "anyOf" in schema:
        kind = next((entry.get("type") for entry in schema["anyOf"] if entry.get("type") != "null"), "string")
    return str(kind or "string")


Found = tuple[Any, str] | None


def _after_name(text: str, name: str, kind: str, schema: Mapping[str, Any]) -> Found:
    label = re.escape(name).replace("_", "[_ ]")
    values = {
        "integer": r"(-?\d[\d,]*)",
        "number": r"(-?\d[\d,]*(?:\.\d+)?)",
        "boolean": r"(true|false|yes|no|是|否)",
        "string": r"[\"'“‘「`](.+?)[\"'”’」`]|([\w.@-]+)",
    }
    if kind not in values or len(name) < 2:
        return None
    linked = r"\s*(?:=|:|:|\bis\b|为|是)\s*" if kind in ("string", "boolean") else r"\s*(?:=|:|:|\bis\b|\bof\b|为|是)?\s*"
    match = re.search(rf"(?<![A-Za-z0-9]){label}{linked}(?:{values[kind]})", text, re.IGNORECASE)
    if match is None and kind == "string":  # country FR, city Paris
        match = re.search(rf"(?<![A-Za-z0-9])(?i:{label})\s+([A-Z][\w-]*)", text)
    if match is None:
        return None
    word = next(group for group in match.groups() if group)
    return _typed(word, kind), match[0]


def _typed(word: str, kind: str) -> Any:
    match kind:
        case "integer":
            return int(word.replace(",", ""))
        case "number":
            value = float(word.replace(",", ""))
            return int(value) if value.is_integer() and "." not in word else value
        case "boolean":
            return word.lower() in ("true", "yes", "是")
        case _:
            return word


def _plain_choice(text: str, schema: Mapping[str, Any]) -> Found:
    """A value for an argument that may be left out: only one that can be nothing else."""
    for choice in schema.get("enum") or ():
        if re.search(rf"(?<!\w){re.escape(str(choice))}(?!\w)", text, re.IGNORECASE):
            return choice, ""
    code = re.search(r"(?<![A-Za-z])[A-Z]{2,3}(?![A-Za-z])", text)
    return (code[0], code[0]) if code and "code" in str(schema.get("description", "")).lower() else None


def _next_value(text: str, name: str, kind: str, schema: Mapping[str, Any], sources: Sequence[Source]) -> Found:
    for choice in schema.get("enum") or ():
        if re.search(re.escape(str(choice)), text, re.IGNORECASE):
            return choice, ""
    match kind:
        case "integer" | "number":
            number = re.search(
                r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?" if kind == "number" else r"(?<![\w.])-?\d[\d,]*(?![\d.]*\d)", text
            )
            return (_typed(number[0].rstrip(","), kind), number[0]) if number else None
        case "boolean":
            return None
        case "array":
            return _listed(text, schema)
        case "object":
            return None
        case _:
            return _string(text, name, sources)


def _listed(text: str, schema: Mapping[str, Any]) -> Found:
    inner = _type(schema.get("items") or {})
    if block := re.search(r"\[[^\]]*\]", text):
        try:
            return json.loads(block[0]), block[0]
        except ValueError:
            pass  # not JSON: the words themselves are read below
    if inner in ("integer", "number"):
        words = re.findall(r"-?\d+(?:\.\d+)?", text)
        return ([_typed(word, inner) for word in words], "") if words else None
    quoted = re.findall(r"[\"'“‘「`](.+?)[\"'”’」`]", text)
    return (quoted, "") if quoted else None


def _string(text: str, name: str, sources: Sequence[Source]) -> Found:
    if quoted := re.search(r"[\"“‘「`](.+?)[\"”’」`]|(?<!\w)'(.+?)'(?!\w)", text):
        return quoted[1] or quoted[2], quoted[0]
    names = [source.name for source in sources]
    columns = [column.name for source in sources for column in source.columns]
    for known in [*names, *columns] if not re.search(r"column|field|列", name) else [*columns, *names]:
        if known.lower() in text.lower():
            at = text.lower().index(known.lower())
            return known, text[at : at + len(known)]
    if code := re.search(r"\b[A-Z]{2,}[A-Z0-9-]*\d*\b|\b[A-Za-z]+-?\d[\w-]*\b", text):
        return code[0], code[0]
    tail = re.search(
        r"\b(?:for|of|in|to|about|named|called|at|from|with)\s+(?:the\s+)?([A-Z][\w-]*(?:\s+[A-Z][\w-]*)*)", text
    )
    if tail:
        return tail[1], tail[1]
    capital = re.search(r"(?<=\s)[A-Z][\w-]*(?:\s+[A-Z][\w-]*)*", text)
    if capital:
        return capital[0], capital[0]
    if chinese := re.search(r"(?:查询?|查看|在|对|把|将|问)?([\u4e00-\u9fff]{2,6}?)(?:的|今天|明天|现在)", text):
        return chinese[1].removeprefix("查询").removeprefix("查"), chinese[1]
    last = re.search(r"\b(?:for|of|in|to|about|named|called|from|with)\s+(?:the\s+)?([\w-]+)\W*$", text)
    return (last[1], last[1]) if last else None
