"""Cards: a tool call, and every kind of part that it shows, as nodes. Pure.

Above: `patches`, `record`. Below: `nodes`, `questions`, `render`, `gate`, `controls`, `transcript`, `parts`.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import assert_never

from genie_nb.controls import show_controls, show_line
from genie_nb.parts import (
    CodePart,
    DocumentPart,
    ErrorPart,
    ImagePart,
    Part,
    ProgressPart,
    SearchPart,
    StreamPart,
    TablePart,
    without_results,
)
from genie_nb.transcript import ToolCall
from genie_nb.widgets.gate import closed_frame, picture
from genie_nb.widgets.labels import counted
from genie_nb.widgets.nodes import Node
from genie_nb.widgets.questions import question_node, verdict_words
from genie_nb.widgets.render import code_html, markdown_html, printed_html, table_html
from genie_nb.widgets.searches import search_node

__all__ = ("PartNode", "call_line", "card_node", "part_node", "streamed_code")

Labels = Mapping[str, str]
PartNode = Callable[[str, Part], Node]

OUTPUT_CHARACTERS = 50_000
"""How much of one output is shown; the rest is counted."""
HINT_CHARACTERS = 80
"""How much of what a call is about stands in its line."""
_PREPARES = re.compile(r"(?:import|from)\s|[#%]")
MARKS = {"running": "◌", "ok": "✓", "error": "✕", "denied": "⊘", "cancelled": "–"}

_CODE = re.compile(r'"code"\s*:\s*"((?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|[^u]))*)')


def card_node(key: str, call: ToolCall, labels: Labels, part: PartNode, *, live: bool = False) -> Node:
    """A tool call as one line that unfolds to all that it shows; open while it runs, or where it failed.

    The line says its state, its tool, what it is about and the shape of what it brought; in a live view also the seconds.
    """
    inside = [part(f"{key}.{number}", value) for number, value in enumerate(call.parts)]
    if not (call.parts and isinstance(call.parts[0], CodePart)):
        inside = _arguments(f"{key}.a", call) + inside
    if call.asked is not None and call.waits:
        inside.append(question_node(f"{key}.q", call.asked, labels))
    inside += _outcome(f"{key}.o", call)
    summary = (
        Node(f"{key}.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, f"{MARKS[call.status]} "),
        Node(f"{key}.n", "span", {"class": "gnb-tool-name"}, show_line(call.tool)),
        Node(f"{key}.h", "span", {"class": "gnb-hint"}, f" {_hint(call)}"),
        Node(f"{key}.r", "span", {"class": "gnb-state"}, f" {_state(call, labels)}"),
        Node(f"{key}.p", "span", {"class": "gnb-shape"}, f" {_shape(call, labels)}"),
        *([Node(f"{key}.t", "span", {"class": "gnb-seconds"}, f" {call.seconds:.1f} s")] if live and call.seconds else []),
    )
    failed = _error_of(call) is not None or call.status in ("error", "denied")
    look = {
        "class": "gnb-card gnb-asked" if call.asked else "gnb-card",
        "data-status": "error" if failed and call.status == "ok" else call.status,
        "data-open": "1" if failed or call.status == "running" else "0",
    }
    return Node(
        key,
        "details",
        look,
        children=(
            Node(f"{key}.s", "summary", children=summary),
            Node(f"{key}.b", "div", {"class": "gnb-card-body"}, children=tuple(inside)),
        ),
    )


def call_line(call: ToolCall) -> str:
    """A call in one line: its tool and what it is about."""
    return f"{show_line(call.tool)}  {_hint(call)}".rstrip()


def part_node(key: str, part: Part, labels: Labels) -> Node:
    """What one part of a tool's output looks like."""
    match part:
        case CodePart():
            return Node(key, "div", {"class": "gnb-part"}, html=code_html(part.code[:OUTPUT_CHARACTERS], part.language))
        case StreamPart():
            return _output(key, part.text, labels, "gnb-out gnb-stderr" if part.stream == "stderr" else "gnb-out")
        case TablePart():
            rows, columns = part.total_rows or len(part.rows), part.total_columns or len(part.columns)
            size = labels["table_size"].format(shown=len(part.rows), rows=rows, columns=columns)
            return Node(key, "div", {"class": "gnb-part"}, html=table_html(part, size))
        case ImagePart():
            return Node(key, "div", {"class": "gnb-part"}, html=picture(part.content, part.media_type, part.alt))
        case DocumentPart():
            return _document(key, part, labels)
        case ErrorPart():
            return _error(key, part)
        case SearchPart():
            return search_node(key, part, labels)
        case ProgressPart():
            return _progress(key, part)
        case _:
            assert_never(part)


def _progress(key: str, part: ProgressPart) -> Node:
    share = f"{100 * part.done / part.total:.0f} %" if part.total else f"{part.done:g}"
    return Node(key, "div", {"class": "gnb-part gnb-muted"}, f"{share} {part.message}".strip())


def _output(key: str, text: str, labels: Labels, look: str) -> Node:
    shown, given = text[:OUTPUT_CHARACTERS], {"class": look, "tabindex": "0"}
    coloured = "\x1b" in shown
    children = [
        Node(f"{key}.a", "pre", given, html=printed_html(shown)) if coloured else Node(f"{key}.t", "pre", given, shown)
    ]
    if len(text) > OUTPUT_CHARACTERS:
        note = labels["characters_left_out"].format(n=len(text) - OUTPUT_CHARACTERS)
        children.append(Node(f"{key}.c", "p", {"class": "gnb-muted"}, note))
    return Node(key, "div", {"class": "gnb-part"}, children=tuple(children))


def _document(key: str, part: DocumentPart, labels: Labels) -> Node:
    match part.media_type:
        case "text/markdown":
            return Node(key, "div", {"class": "gnb-part gnb-text"}, html=markdown_html(part.text))
        case "text/html":
            return Node(key, "div", {"class": "gnb-part"}, html=closed_frame(part.text, labels["document"]))
        case "application/json" if len(part.text) <= OUTPUT_CHARACTERS:
            return Node(key, "div", {"class": "gnb-part"}, html=code_html(part.text, "json"))
        case _:
            return _output(key, part.text, labels, "gnb-out")


def _error(key: str, part: ErrorPart) -> Node:
    said = f"{part.name}: {part.message}" if part.message else part.name
    head = Node(f"{key}.e", "summary", {"class": "gnb-fault-text"}, said)
    trace = Node(
        f"{key}.t", "pre", {"class": "gnb-out", "tabindex": "0"}, show_controls(part.traceback[-OUTPUT_CHARACTERS:])
    )
    if not part.traceback:
        return Node(key, "div", {"class": "gnb-fault"}, said)
    return Node(key, "details", {"class": "gnb-fault", "data-open": "0"}, children=(head, trace))


def streamed_code(arguments: str) -> str:
    """The value of `code` in the JSON of a call's arguments, as far as it has come."""
    found = _CODE.search(arguments)
    if found is None:
        return ""
    try:
        code: str = json.loads(f'"{found[1]}"', strict=False)
    except ValueError:  # a model may write an escape that JSON does not know
        return ""
    # Half of a surrogate pair may have come: only whole characters can be sent on.
    return code.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _arguments(key: str, call: ToolCall) -> list[Node]:
    if call.asked is not None:
        return _asked_arguments(key, call.asked.arguments if call.waits else call.arguments)
    code = streamed_code(call.arguments)
    if code:
        return [Node(key, "pre", {"class": "gnb-code"}, show_controls(code[:OUTPUT_CHARACTERS]))]
    values = _values(call.arguments)
    if len(values) == 1 and len(next(iter(values.values()))) <= 80:  # the card's heading says it
        return []
    return _rows(key, {name: value if len(value) <= 400 else value[:400] + "…" for name, value in values.items()})


def _asked_arguments(key: str, arguments: str) -> list[Node]:
    """All that a person allows: the code in the colours that it will have when it runs, every other argument in full."""
    values = _values(arguments)
    code = values.pop("code", "")
    coloured = Node(f"{key}h", "div", {"class": "gnb-part"}, html=code_html(code, "python"))
    return [*([coloured] if code else []), *_rows(key, values)]


def _rows(key: str, values: Mapping[str, str]) -> list[Node]:
    rows = tuple(
        Node(
            f"{key}{number}",
            "div",
            {"class": "gnb-argument"},
            children=(
                Node(f"{key}{number}n", "span", {"class": "gnb-argument-name"}, f"{show_line(name)} "),
                Node(f"{key}{number}v", "span", text=show_controls(value)),
            ),
        )
        for number, (name, value) in enumerate(values.items())
    )
    return [Node(key, "div", {"class": "gnb-arguments"}, children=rows)] if rows else []


def _values(arguments: str) -> dict[str, str]:
    try:
        values = json.loads(arguments)
        if not isinstance(values, dict):
            return {}
        return {
            str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in values.items()
        }
    except (ValueError, RecursionError):
        return {}


def _hint(call: ToolCall) -> str:
    """What a call is about: the first line of its code that does something, or its first argument."""
    code = streamed_code(call.arguments)
    said = _first_line(code) if code else next(iter(_values(call.arguments).values()), "")
    first = " ".join(show_controls(said).split())
    return first if len(first) <= HINT_CHARACTERS else first[: HINT_CHARACTERS - 1] + "…"


def _first_line(code: str) -> str:
    """The first line that is no import, comment or magic; else the first that says anything."""
    lines = [line.strip() for line in code[:OUTPUT_CHARACTERS].splitlines() if line.strip()]
    return next((line for line in lines if not _PREPARES.match(line)), lines[0] if lines else "")


def _shape(call: ToolCall, labels: Labels) -> str:
    """What a call brought, in a few words."""
    if error := _error_of(call):
        return error.name
    tables = [part for part in call.parts if isinstance(part, TablePart)]
    charts = sum(isinstance(part, ImagePart) for part in call.parts)
    lines = sum(part.text.count("\n") for part in call.parts if isinstance(part, StreamPart) and part.stream == "stdout")
    shapes = [
        labels["table"].format(rows=table.total_rows or len(table.rows), columns=table.total_columns or len(table.columns))
        for table in tables[:2]
    ]
    shapes += [counted(labels, "chart", charts)] if charts else []
    shapes += [counted(labels, "line", lines)] if lines and not shapes else []
    return " · ".join(shapes)


def _error_of(call: ToolCall) -> ErrorPart | None:
    return next((part for part in call.parts if isinstance(part, ErrorPart)), None)


def _state(call: ToolCall, labels: Labels) -> str:
    ended = {"denied": labels["denied"], "error": labels["error"], "cancelled": labels["cancelled"]}.get(call.status, "")
    return " · ".join(dict.fromkeys(filter(None, (verdict_words(call, labels), ended))))


def _outcome(key: str, call: ToolCall) -> list[Node]:
    """What the model was told, where nothing else on the card says it."""
    if not call.output or any(isinstance(part, ErrorPart) for part in call.parts):
        return []
    output = without_results(call.output)
    said = output if len(output) <= 4_000 else output[:4_000] + "…"
    if not said.strip():
        return []
    if call.status in ("error", "denied"):
        return [Node(key, "div", {"class": "gnb-fault"}, said)]
    shows = any(not isinstance(part, CodePart) for part in call.parts)
    return [] if shows else [Node(key, "pre", {"class": "gnb-out", "tabindex": "0"}, said)]
