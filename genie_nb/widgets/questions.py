"""Questions: a tool call that waits until a person allows it, as nodes: what would run, and what can be answered. Pure.

The page sends an answer with the text of the field that the person may have changed; `changed_arguments` makes it the
arguments of the call again.

Above: `cards`, `run_view`. Below: `nodes`, `transcript`.
"""

import json
from collections.abc import Mapping
from typing import Any

from genie_nb.controls import controls_in, show_line
from genie_nb.errors import RequestError
from genie_nb.events import ApprovalRequested
from genie_nb.transcript import ToolCall
from genie_nb.widgets.nodes import Node

__all__ = ("changed_arguments", "question_node", "verdict_words")

Labels = Mapping[str, str]


def question_node(key: str, asked: ApprovalRequested, labels: Labels) -> Node:
    """The question, the field to change what runs, and the buttons."""
    named = labels["files_named"].format(names=", ".join(map(show_line, asked.files))) if asked.files else ""
    text = _editable(asked.arguments)[1]
    unseen = controls_in(text)
    warning = labels["controls"].format(names=", ".join(unseen)) if unseen else ""
    field = Node(f"{key}.e", "textarea", {"class": "gnb-edit", "spellcheck": "false", "aria-label": labels["change"]})
    return Node(
        key,
        "div",
        {"class": "gnb-question", "role": "group", "data-call": asked.call_id, "data-lm-suppress-shortcuts": "true"},
        children=(
            Node(f"{key}.t", "div", {"class": "gnb-question-title"}, labels["allow_question"]),
            Node(f"{key}.f", "div", {"class": "gnb-muted"}, named),
            *((Node(f"{key}.w", "div", {"class": "gnb-note gnb-warning"}, warning),) if warning else ()),
            Node(
                f"{key}.d",
                "details",
                {"class": "gnb-change", "data-open": "0"},
                children=(
                    Node(f"{key}.s", "summary", text=labels["change"]),
                    Node(field.key, field.tag, field.attributes, text),
                ),
            ),
            Node(
                f"{key}.b",
                "div",
                {"class": "gnb-choices"},
                children=(
                    _button(f"{key}.1", "once", labels["allow_once"], "gnb-button gnb-main"),
                    _button(f"{key}.2", "always", labels["allow_always"].format(tool=show_line(asked.tool))),
                    _button(f"{key}.3", "refused", labels["refuse"]),
                    Node(f"{key}.4", "input", {"class": "gnb-reason", "type": "text", "placeholder": labels["reason"]}),
                ),
            ),
        ),
    )


def _button(key: str, verdict: str, words: str, look: str = "gnb-button") -> Node:
    return Node(key, "button", {"class": look, "type": "button", "data-action": "decide", "data-verdict": verdict}, words)


def verdict_words(call: ToolCall, labels: Labels) -> str:
    """What became of the question, in a few words; nothing where nobody was asked."""
    if call.verdict is None:
        return labels["asked"] if call.waits else ""
    words = labels[call.verdict.verdict]
    return f"{words}, {labels['changed']}" if call.verdict.arguments else words


def changed_arguments(asked: ApprovalRequested, text: str) -> str:
    """The arguments as JSON, if the text of the field is not what it was; nothing if it is.

    Raises:
        RequestError: The text is no JSON, where it has to be.
    """
    name, before = _editable(asked.arguments)
    if text.replace("\r\n", "\n") == before:
        return ""
    if not name:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"This is not valid JSON: {error}.") from error
    return json.dumps(_arguments(asked.arguments) | {name: text}, ensure_ascii=False)


def _editable(arguments: str) -> tuple[str, str]:
    """What a person edits: the one argument that is a text, by its name; else all arguments as JSON."""
    values = _arguments(arguments)
    if "code" in values or len(values) == 1:
        name, value = ("code", values["code"]) if "code" in values else next(iter(values.items()))
        if isinstance(value, str):
            return name, value
    return "", json.dumps(values, ensure_ascii=False, indent=2)


def _arguments(arguments: str) -> dict[str, Any]:
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
