"""Sections: the question, the answer, files, and how the answer came about, as nodes. Pure.

The live view and the record are made of the same nodes in the same order (`frame`): what differs is who fills the insides.
The answer comes first. How it came about (what was given, the plan, the work) is one line that unfolds; where a run failed
it is open, with the step that failed.

Above: `patches`, `record`. Below: `nodes`, `cards`, `transcript`, `parts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genie_nb.controls import show_line
from genie_nb.parts import CodePart, FileRef, Plan, PlanStep
from genie_nb.transcript import Message, Note, Task, Transcript
from genie_nb.widgets.cards import call_line
from genie_nb.widgets.labels import about_in, counted, name_in
from genie_nb.widgets.nodes import Node
from genie_nb.widgets.previews import PREVIEW_BYTES, readable_size

__all__ = (
    "Growing",
    "answer_left",
    "file_node",
    "filled",
    "frame",
    "how_words",
    "inputs_node",
    "is_answer",
    "is_picture",
    "left_to_tell",
    "message_node",
    "note_node",
    "now_node",
    "plan_node",
    "section_node",
    "speaker",
    "step_state",
    "task_node",
)

Labels = Mapping[str, str]
Inside = tuple[Node, ...] | None

MAX_TASKS = 4
"""So many running tasks are named while a run works."""
ANSWER_CHANNELS = ("answer", "summary", "report")
STEP_MARKS = {"not_started": "○", "in_progress": "◉", "completed": "✓", "blocked": "!", "dropped": "–", "unfinished": "–"}
TASK_MARKS = {"running": "◉", "completed": "✓", "failed": "✕", "cancelled": "–"}
RUN_MARKS = {"pending": "○", "running": "◉", "finished": "✓", "failed": "✕", "cancelled": "–"}


@dataclass(frozen=True)
class Growing:
    """What grows in a run that works.

    Attributes:
        text: The key of the node whose text grows: its end is shown.
        chart: The key of the node with the last chart: it is shown small.
    """

    text: str = ""
    chart: str = ""


def frame(
    t: Transcript, labels: Labels, *, live: bool, growing: Growing = Growing(), given: tuple[Node, ...] | None = None
) -> list[tuple[str, Node]]:
    """Every section in its order, each with the key of its parent; an inside is None where others place it.

    Args:
        t: The run.
        labels: The words.
        live: Whether it is for a live view.
        growing: What grows now, in a live view.
        given: Rows for the files that were given, where they are more than their names.
    """
    return [
        ("r", _head_node(t, labels, live=live)),
        ("r", Node("stage", "div", {"class": "gnb-stage"}, children=None)),
        ("stage", _error_node(t)),
        ("stage", section_node("answer", "gnb-answer", "")),
        *([("stage", now_node(t, growing))] if live else []),
        ("r", section_node("sources", "gnb-sources", labels["sources"])),
        ("r", _files_node(labels, live=live)),
        ("r", _how_node(t, labels, live=live)),
        ("how.i", inputs_node(t, labels, given)),
        ("how.i", plan_node(t.plan, labels, ended=t.ended)),
        ("how.i", section_node("work", "gnb-work", labels["work"])),
    ]


def filled(root: Node, sections: Sequence[tuple[str, Node]], inside: Mapping[str, tuple[Node, ...]]) -> Node:
    """The root with its sections and their insides by key; a section with nothing in it is left out."""

    def fill(node: Node) -> Node:
        if node.children is not None:
            return replace(node, children=tuple(map(fill, node.children)))
        below = [fill(child) for parent, child in sections if parent == node.key]
        return replace(node, children=tuple(child for child in below if not _is_empty(child)) or inside.get(node.key, ()))

    return fill(replace(root, children=None))


def _is_empty(section: Node) -> bool:
    holds = next((child for child in section.children or () if child.key == f"{section.key}.i"), section)
    return section.key not in ("head", "how") and not holds.children


def _head_node(transcript: Transcript, labels: Labels, *, live: bool) -> Node:
    """The question; in a live view of a run that works, beside it the button to stop it."""
    parts = [Node("query", "strong", {"class": "gnb-query"}, transcript.query)]
    if live and not transcript.ended:
        parts.append(
            Node("head.x", "button", {"class": "gnb-stop", "type": "button", "data-action": "cancel"}, labels["stop"])
        )
    return Node("head", "div", {"class": "gnb-head"}, children=tuple(parts))


def _how_node(transcript: Transcript, labels: Labels, *, live: bool) -> Node:
    """How the answer came about, as one line that unfolds: how the run stands while it works, then in numbers."""
    status = transcript.status
    open_now = status == "failed" or _asked(transcript)
    parts = [
        Node("head.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, f"{RUN_MARKS[status]} "),
        Node("head.s", "span", {"class": "gnb-status", "role": "status"}, how_words(transcript, labels, live=live)),
    ]
    if live:
        parts += [
            Node("head.c", "span", {"class": "gnb-clock", "data-fill": "clock"}),
            Node("head.p", "span", {"class": "gnb-pulse", "data-fill": "pulse"}),
            Node("head.u", "span", {"class": "gnb-usage"}, _usage(transcript, labels)),
        ]
    badge = name_in(labels, transcript.badge)
    parts.append(Node("head.d", "span", {"class": "gnb-hidden"}, " · " if badge else ""))
    parts.append(Node("head.b", "span", {"class": "gnb-badge", "title": transcript.model}, badge))
    return Node(
        "how",
        "details",
        {"class": "gnb-how", "data-status": status, "data-open": "1" if open_now else "0"},
        children=(
            Node("how.s", "summary", children=tuple(parts)),
            Node("how.i", "div", {"class": "gnb-how-body"}, children=None),
        ),
    )


def how_words(transcript: Transcript, labels: Labels, *, live: bool) -> str:
    """How a run stands, or what it took, in a few words."""
    status = transcript.status
    if status == "pending" and transcript.place:
        return labels["queued"].format(n=transcript.place)
    if not transcript.ended:
        return labels["asked" if live and status == "running" and _asked(transcript) else status]
    steps = len(transcript.plan.steps) if transcript.plan else 0
    cells = sum(any(isinstance(part, CodePart) for part in call.parts) for call in transcript.calls.values())
    took = [
        counted(labels, name, number)
        for name, number in (("step", steps), ("cell", cells), ("call", len(transcript.calls) - cells))
        if number
    ]
    how = labels["how"] + (labels["colon"] + labels["comma"].join(took) if took else "")
    return how if status == "finished" else f"{labels[status]} · {how}"


def _usage(transcript: Transcript, labels: Labels) -> str:
    total = transcript.usage.input_tokens + transcript.usage.output_tokens
    return f"{total:,} {labels['tokens']}" if transcript.ended and total else ""


def now_node(transcript: Transcript, growing: Growing) -> Node:
    """What goes on in a run that works, in an area of fixed height: the plan as a row, running tasks, the current call."""
    t = transcript
    answered = any(isinstance(item, Message) and is_answer(item) for item in t.items)
    if t.status != "running" or answered or _asked(t):
        return Node("now", "div", {"class": "gnb-now", "data-on": "0"})
    tasks = [task.title for task in t.open_tasks()][-MAX_TASKS:]
    tasks = tasks if len(tasks) > 1 else []  # the plan shows a single one
    lines = tuple(Node(f"now.t{number}", "div", {"class": "gnb-now-task"}, title) for number, title in enumerate(tasks))
    call = next((call for _, call in reversed(list(t.open_calls()))), None)
    return Node(
        "now",
        "div",
        {"class": "gnb-now", "data-on": "1"},
        children=(
            Node("now.p", "ul", {"class": "gnb-steps gnb-row"}, children=_row(t.plan)),
            Node("now.c", "div", {"class": "gnb-now-call"}, call_line(call) if call else ""),
            Node("now.o", "pre", {"class": "gnb-now-tail", "aria-hidden": "true", "data-tail": growing.text}),
            Node("now.g", "div", {"class": "gnb-now-chart", "data-copy": growing.chart}),
            Node("now.l", "div", {"class": "gnb-now-tasks"}, children=lines),
        ),
    )


def _asked(transcript: Transcript) -> bool:
    return any(call.waits for call in transcript.calls.values())


def _row(plan: Plan | None) -> tuple[Node, ...]:
    return tuple(
        Node(
            f"now.p{number}",
            "li",
            {"class": "gnb-step", "data-status": step.status},
            f"{STEP_MARKS[step.status]} {step.title}",
        )
        for number, step in enumerate(plan.steps if plan else ())
    )


def section_node(key: str, look: str, title: str, inside: Inside = None) -> Node:
    """A part of the page, under a heading if it has a title; it is not seen while nothing is in it."""
    heading = Node(f"{key}.t", "div", {"class": "gnb-heading", "role": "heading", "aria-level": "3"}, title)
    return Node(
        key,
        "div",
        {"class": f"gnb-section {look}"},
        children=(*((heading,) if title else ()), Node(f"{key}.i", "div", _log(key), children=inside)),
    )


def _log(key: str) -> dict[str, str]:
    attributes = {"work": {"role": "log", "tabindex": "0"}, "answer": {"role": "log"}}
    return {"class": "gnb-inside"} | attributes.get(key, {})


def step_state(step: PlanStep, *, ended: bool) -> str:
    """How a step stands: `unfinished` where its run ended without it, else its status."""
    return "unfinished" if ended and step.status == "in_progress" else step.status


def plan_node(plan: Plan | None, labels: Labels, *, ended: bool = False) -> Node:
    """The plan as a list of steps; of a run that has ended, no step is in progress."""
    steps = plan.steps if plan else ()
    items = tuple(
        _step_node(f"plan.{number}", step, step_state(step, ended=ended), labels) for number, step in enumerate(steps)
    )
    title = f"{labels['plan']}: {plan.title}" if plan and plan.title else labels["plan"]
    inside = (Node("plan.l", "ul", {"class": "gnb-steps"}, children=items),) if items else ()
    return section_node("plan", "gnb-plan", title, inside)


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
    """A task: who does what, everything that belongs to it, and what came of it; open while it runs, or where it failed."""
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
        {"class": "gnb-task", "data-status": task.status, "data-open": "1" if task.status in ("running", "failed") else "0"},
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
    """A text; `who` is named above it, or nobody. Reasoning is folded once it has ended."""
    body = Node(f"{key}.b", "div", {"class": "gnb-text"}, children=inside)
    busy = {} if message.finished else {"aria-busy": "true"}
    if message.channel == "reasoning":
        title = labels["thought" if message.finished else "thinking"]
        attributes = {"class": "gnb-reasoning", "data-open": "0" if message.finished else "1"} | busy
        return Node(key, "details", attributes, children=(Node(f"{key}.s", "summary", text=title), body))
    look = "gnb-said" if message.channel in ANSWER_CHANNELS else "gnb-thought"
    above = (Node(f"{key}.w", "div", {"class": "gnb-who"}, name_in(labels, who)),) if who else ()
    return Node(key, "div", {"class": f"gnb-message {look}"} | busy, children=(*above, body))


def speaker(message: Message, task: Task | None) -> str:
    """Who is named above a text: nobody for an answer, nor where the task already names them."""
    return "" if is_answer(message) or (task and task.assignee == message.assignee) else message.assignee


def is_answer(message: Message) -> bool:
    """Whether a text that belongs to no task is part of the answer; what a search reports is work towards it.

    A text that an agent without a plan is still saying may be the answer: only its end tells, where a call follows or not.
    """
    may_be = message.channel == "tool_thought" and not message.finished
    return (message.channel in ANSWER_CHANNELS or may_be) and message.assignee != "deep_search"


def answer_left(transcript: Transcript) -> str:
    """What of the answer no text of the run has said."""
    said = (item for item in transcript.items if isinstance(item, Message) and is_answer(item))
    answer = transcript.answer.strip()
    return "" if any(message.text.strip() == answer for message in said) else answer


def note_node(key: str, note: Note) -> Node:
    """A remark that is nobody's text."""
    return Node(key, "div", {"class": f"gnb-note gnb-{note.level}"}, note.text)


def _error_node(transcript: Transcript) -> Node:
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


def _files_node(labels: Labels, *, live: bool) -> Node:
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
            Node("files.i", "div", {"class": "gnb-inside"}, children=None),
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
