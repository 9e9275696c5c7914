"""Sections: the head, the plan, tasks, texts, files and the end of a run as nodes. Pure.

The live view and the record are made of the same nodes: what differs is who fills the insides. Nothing folds by itself, so
that nothing jumps while a run goes on, nor when its record takes the place of its view; the work has a window of its own,
which scrolls, so that the answer is never far below.

Above: `patches`, `record`. Below: `nodes`, `cards`, `transcript`, `parts`.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

from genie_nb.controls import show_line
from genie_nb.parts import FileRef, Plan, PlanStep
from genie_nb.transcript import Message, Note, Task, Transcript
from genie_nb.widgets.labels import about_in, name_in
from genie_nb.widgets.nodes import Node
from genie_nb.widgets.previews import PREVIEW_BYTES, readable_size

__all__ = (
    "answer_left",
    "error_node",
    "file_node",
    "files_node",
    "head_node",
    "inputs_node",
    "is_answer",
    "is_picture",
    "left_to_tell",
    "message_node",
    "note_node",
    "plan_node",
    "query_node",
    "section_node",
    "speaker",
    "step_state",
    "task_node",
)

Labels = Mapping[str, str]
Inside = tuple[Node, ...] | None

ANSWER_CHANNELS = ("answer", "summary", "report")
STEP_MARKS = {"not_started": "○", "in_progress": "◉", "completed": "✓", "blocked": "!", "dropped": "–", "unfinished": "–"}
TASK_MARKS = {"running": "◉", "completed": "✓", "failed": "✕", "cancelled": "–"}
RUN_MARKS = {"pending": "○", "running": "◉", "finished": "✓", "failed": "✕", "cancelled": "–"}


def head_node(transcript: Transcript, labels: Labels, *, live: bool) -> Node:
    """The line on top: how the run stands, what answers, and in a live view the clock and the button to stop it."""
    status = transcript.status
    parts = [
        Node("head.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, f"{RUN_MARKS[status]} "),
        Node("head.s", "span", {"class": "gnb-status", "role": "status"}, _status(transcript, labels, live=live)),
    ]
    if live:
        parts += [
            Node("head.c", "span", {"class": "gnb-clock", "data-fill": "clock"}),
            Node("head.p", "span", {"class": "gnb-pulse", "data-fill": "pulse"}),
            Node("head.u", "span", {"class": "gnb-usage"}, _usage(transcript, labels)),
        ]
    parts.append(
        Node(
            "head.b",
            "span",
            {"class": "gnb-badge", "title": transcript.model},
            f" {name_in(labels, transcript.badge)}" if transcript.badge else "",
        )
    )
    if live and not transcript.ended:
        parts.append(
            Node("head.x", "button", {"class": "gnb-stop", "type": "button", "data-action": "cancel"}, labels["stop"])
        )
    return Node("head", "div", {"class": "gnb-head", "data-status": status}, children=tuple(parts))


def _status(transcript: Transcript, labels: Labels, *, live: bool) -> str:
    if transcript.status == "pending" and transcript.place:
        return labels["queued"].format(n=transcript.place)
    asked = live and transcript.status == "running" and any(call.waits for call in transcript.calls.values())
    return labels["asked" if asked else transcript.status]


def _usage(transcript: Transcript, labels: Labels) -> str:
    total = transcript.usage.input_tokens + transcript.usage.output_tokens
    return f"{total:,} {labels['tokens']}" if transcript.ended and total else ""


def query_node(transcript: Transcript) -> Node:
    """The question."""
    return Node("query", "div", {"class": "gnb-query"}, transcript.query)


def section_node(key: str, look: str, title: str, inside: Inside = None) -> Node:
    """A part of the page under a heading; it is not seen while nothing is in it."""
    return Node(
        key,
        "div",
        {"class": f"gnb-section {look}"},
        children=(
            Node(f"{key}.t", "div", {"class": "gnb-heading", "role": "heading", "aria-level": "3"}, title),
            Node(f"{key}.i", "div", _log(key), children=inside),
        ),
    )


def _log(key: str) -> dict[str, str]:
    attributes = {"work": {"role": "log", "tabindex": "0"}, "answer": {"role": "log"}}
    return {"class": "gnb-inside"} | attributes.get(key, {})


def step_state(step: PlanStep, *, ended: bool) -> str:
    """How a step stands: `unfinished` where its run ended without it, else its status."""
    return "unfinished" if ended and step.status == "in_progress" else step.status


def plan_node(plan: Plan | None, labels: Labels, *, ended: bool = False) -> Node:
    """The plan, its steps under the stages they share; of a run that has ended, no step is in progress."""
    steps = plan.steps if plan else ()
    stages = [
        _stage_node(f"plan.{number}", stage, [(step, step_state(step, ended=ended)) for step in group], labels)
        for number, (stage, group) in enumerate(groupby(steps, key=lambda step: step.stage))
    ]
    title = f"{labels['plan']}: {plan.title}" if plan and plan.title else labels["plan"]
    return section_node("plan", "gnb-plan", title, tuple(stages))


def _stage_node(key: str, stage: str, steps: Iterable[tuple[PlanStep, str]], labels: Labels) -> Node:
    items = tuple(_step_node(f"{key}.{number}", step, state, labels) for number, (step, state) in enumerate(steps))
    heading = (Node(f"{key}.h", "div", {"class": "gnb-stage"}, stage),) if stage else ()
    return Node(
        key,
        "div",
        {"class": "gnb-stage-box"},
        children=(*heading, Node(f"{key}.l", "ul", {"class": "gnb-steps"}, children=items)),
    )


def _step_node(key: str, step: PlanStep, state: str, labels: Labels) -> Node:
    parts = [
        Node(f"{key}.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, STEP_MARKS[state]),
        Node(f"{key}.t", "span", {"class": "gnb-step-title"}, f" {step.title}"),
        Node(f"{key}.s", "span", {"class": "gnb-hidden"}, f" ({labels[state]})"),
    ]
    if step.note:
        parts.append(Node(f"{key}.n", "span", {"class": "gnb-muted"}, f" – {step.note}"))
    return Node(key, "li", {"class": "gnb-step", "data-status": state}, children=tuple(parts))


def task_node(key: str, task: Task, labels: Labels, inside: Inside = None) -> Node:
    """A task, to be folded by hand: who does what, everything that belongs to it, and what came of it."""
    words = {"running": "in_progress", "completed": "completed", "failed": "failed", "cancelled": "cancelled"}
    summary = (
        Node(f"{key}.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, f"{TASK_MARKS[task.status]} "),
        Node(f"{key}.n", "span", {"class": "gnb-task-title"}, task.title),
        Node(f"{key}.w", "span", {"class": "gnb-who"}, f" {name_in(labels, task.assignee)}"),
        Node(f"{key}.z", "span", {"class": "gnb-hidden"}, f" ({labels[words[task.status]]})"),
    )
    left = left_to_tell(task)
    look = "gnb-task-end gnb-fault" if left and task.status == "failed" else "gnb-task-end"
    return Node(
        key,
        "details",
        {"class": "gnb-task", "data-status": task.status, "data-open": "1"},
        children=(
            Node(f"{key}.s", "summary", children=summary),
            Node(f"{key}.i", "div", {"class": "gnb-task-body"}, children=inside),
            Node(f"{key}.f", "div", {"class": look}, left),
        ),
    )


def left_to_tell(task: Task) -> str:
    """The task's summary, where nothing else says it: a text of its own, or the end of the run that ended it."""
    summary = task.summary.strip()
    said = any(isinstance(item, Message) and item.text.strip() == summary for item in task.items)
    return "" if said or task.status == "cancelled" else task.summary


def message_node(key: str, message: Message, labels: Labels, inside: Inside = None, *, who: str) -> Node:
    """A text; `who` is named above it, or nobody. Reasoning can be folded by hand."""
    body = Node(f"{key}.b", "div", {"class": "gnb-text"}, children=inside)
    busy = {} if message.finished else {"aria-busy": "true"}
    if message.channel == "reasoning":
        title = labels["thought" if message.finished else "thinking"]
        attributes = {"class": "gnb-reasoning", "data-open": "1"} | busy
        return Node(key, "details", attributes, children=(Node(f"{key}.s", "summary", text=title), body))
    look = "gnb-said" if message.channel in ANSWER_CHANNELS else "gnb-thought"
    above = (Node(f"{key}.w", "div", {"class": "gnb-who"}, name_in(labels, who)),) if who else ()
    return Node(key, "div", {"class": f"gnb-message {look}"} | busy, children=(*above, body))


def speaker(message: Message, task: Task | None) -> str:
    """Who is named above a text: nobody for an answer, nor where the task already names them."""
    return "" if is_answer(message) or (task and task.assignee == message.assignee) else message.assignee


def is_answer(message: Message) -> bool:
    """Whether a text that belongs to no task is part of the answer; what a search reports is work towards it."""
    return message.channel in ANSWER_CHANNELS and message.assignee != "deep_search"


def answer_left(transcript: Transcript) -> str:
    """What of the answer no text of the run has said."""
    said = (item for item in transcript.items if isinstance(item, Message) and is_answer(item))
    answer = transcript.answer.strip()
    return "" if any(message.text.strip() == answer for message in said) else answer


def note_node(key: str, note: Note) -> Node:
    """A remark that is nobody's text."""
    return Node(key, "div", {"class": f"gnb-note gnb-{note.level}"}, note.text)


def error_node(transcript: Transcript, labels: Labels) -> Node:
    """Why the run did not finish, in one box."""
    look = "gnb-stopped" if transcript.status == "cancelled" else "gnb-fault"
    children = (Node("error.t", "div", {"class": look, "role": "status"}, transcript.error),) if transcript.error else ()
    return Node("error", "div", {"class": "gnb-end"}, children=children)


def inputs_node(transcript: Transcript, labels: Labels, files: tuple[Node, ...] | None = None) -> Node:
    """What was given with the question; `files` are the rows of the files, where they are more than their names."""
    if files is None:
        files = tuple(
            file_node(f"g{number}", file, Node(f"g{number}.d", "span"), labels)
            for number, file in enumerate(transcript.inputs)
        )
    tables = tuple(
        Node(f"h{number}", "div", {"class": "gnb-file gnb-table"}, children=_file_words(f"h{number}", table, labels))
        for number, table in enumerate(transcript.tables)
    )
    return section_node("given", "gnb-files gnb-given", labels["inputs"], files + tables)


def files_node(labels: Labels, inside: Inside = None, *, live: bool = False) -> Node:
    """The files of the run; in a live view with a button to get them all."""
    look = {"class": "gnb-button gnb-zip", "type": "button", "data-action": "zip"}
    heading = (
        Node("files.w", "span", {"role": "heading", "aria-level": "3"}, labels["files"]),
        *((Node("files.z", "button", look, labels["download_all"]),) if live else ()),
    )
    below = (Node("files.m", "div", {"class": "gnb-muted", "role": "status"}),) if live else ()
    return Node(
        "files",
        "div",
        {"class": "gnb-section gnb-files"},
        children=(
            Node("files.t", "div", {"class": "gnb-heading"}, children=heading),
            Node("files.i", "div", {"class": "gnb-inside"}, children=inside),
            *below,
        ),
    )


def file_node(
    key: str, file: FileRef, button: Node, labels: Labels, inside: Inside = None, *, is_open: bool = False
) -> Node:
    """A file, to be unfolded for its preview; `button` is how to get it."""
    return Node(
        key,
        "details",
        {"class": "gnb-file", "data-name": file.name, "data-open": "1" if is_open else "0"},
        children=(
            Node(f"{key}.s", "summary", children=(*_file_words(key, file, labels), button)),
            Node(f"{key}.i", "div", {"class": "gnb-preview"}, children=inside),
        ),
    )


def is_picture(file: FileRef) -> bool:
    """Whether a file is a picture, and small enough to be shown: those are open when the run has ended."""
    return file.media_type.startswith("image/") and file.size <= PREVIEW_BYTES


def _file_words(key: str, file: FileRef, labels: Labels) -> tuple[Node, ...]:
    about = about_in(labels, file.about)
    told = (Node(f"{key}.a", "span", {"class": "gnb-about", "title": about}, f" {about}"),) if about else ()
    name = show_line(file.name)
    return (
        Node(f"{key}.n", "span", {"class": "gnb-file-name", "title": name}, name),
        *told,
        Node(f"{key}.z", "span", {"class": "gnb-size"}, f" {readable_size(file.size)} "),
    )
