"""A conversation read back from its messages: who is spoken to, what is asked, what the tools have answered.

Above: `planner`, `executor`, `summary`. Below: `models/sections`, `columns`.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from genie_nb.backend.models.analyst.columns import Source, read_sources
from genie_nb.backend.models.analyst.intents import language_of
from genie_nb.backend.models.analyst.report_wish import ReportWish, report_wish
from genie_nb.backend.models.base import ChatMessage, ToolSpec
from genie_nb.backend.models.sections import read_sections
from genie_nb.parts import RESULT

__all__ = ("MOST_CHARACTERS", "Call", "Conversation", "Script", "next_move", "read_conversation", "read_result")

MOST_CHARACTERS = 4_000
"""A longer question is read by no rule; of one no more than this and one character is kept."""
MOST_EARLIER = 20
"""So many of the questions before this one are looked at."""


@dataclass(frozen=True)
class Call:
    """A tool call that is wanted next, and the thought that leads to it."""

    name: str
    arguments: dict[str, Any]
    thought: str = ""


Script = Generator[Call, str, str]


@dataclass(frozen=True)
class Conversation:
    """What the messages say.

    Attributes:
        task: The step that an executor works on, or nothing.
        outputs: What the tools answered since the question, in order.
        plans: The arguments of the calls of `plan` so far.
        earlier: The questions before this one, the oldest first.
        has_playbook: Whether a procedure was shown; rules cannot follow it.
        wish: The report that the question asks for, where there is a tool for it; the question is without it then.
        report: What the report must be, where the analyst is to write it; `findings` is what it is made of.
        scope: What can be searched, as the tool for it says; nothing without that tool.
        search: The job that a search wants done, or nothing.
        passages: What the search has found.
    """

    question: str
    language: str
    sources: list[Source]
    tools: tuple[ToolSpec, ...]
    task: dict[str, Any] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    earlier: tuple[str, ...] = ()
    has_playbook: bool = False
    wish: ReportWish | None = None
    report: dict[str, Any] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    scope: str = ""
    search: dict[str, Any] = field(default_factory=dict)
    passages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tool_names(self) -> set[str]:
        """The names of the tools at hand."""
        return {tool.name for tool in self.tools}


def read_conversation(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Conversation:
    """The conversation that these messages are."""
    sections: dict[str, str] = {}
    results: dict[str, dict[str, Any]] = {}
    outputs: list[str] = []
    plans: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "user":
            given = read_sections(message.content)
            if not given and set(sections) - {"question"}:
                continue  # a nudge of the agent's, e.g. to call a tool, asks nothing new
            if "question" in given or not given:
                sections, results, outputs, plans = {}, {}, [], []
            sections |= given or {"question": message.content}
            for line in given.get("results", "").splitlines():
                if entry := _object(line):
                    results[str(entry.get("step"))] = entry
        elif message.role == "tool":
            outputs.append(message.content)
        for call in message.tool_calls:
            if call.name == "plan":
                plans.append(_object(call.arguments))
    asked = sections.get("question", "").strip()[: MOST_CHARACTERS + 1]
    earlier = sections.get("conversation", "").splitlines()[-MOST_EARLIER:]
    wish = report_wish(asked) if _can_report(tools, sections.get("tools", "")) else None
    return Conversation(
        question=wish.rest if wish else asked,
        language=language_of(asked),
        sources=read_sources(sections.get("inputs", "")),
        tools=tuple(tools),
        task=_object(sections.get("task", "")),
        results=list(results.values()),
        created=[line.strip() for line in sections.get("created", "").splitlines() if line.strip()],
        outputs=outputs,
        plans=plans,
        has_playbook="playbook" in sections,
        earlier=tuple(str(_object(line).get("question", ""))[: MOST_CHARACTERS + 1] for line in earlier),
        wish=wish,
        report=_object(sections.get("report", "")),
        findings=[entry for line in sections.get("findings", "").splitlines() if (entry := _object(line))],
        scope=_scope(sections.get("tools", ""), tools),
        search=_object(sections.get("search", "")),
        passages=[entry for line in sections.get("passages", "").splitlines() if (entry := _object(line))],
    )


def _can_report(tools: Sequence[ToolSpec], described: str) -> bool:
    """Whether there is a tool for reports: at hand, or at the hand of those whom the planner plans for."""
    return any(tool.name == "report" for tool in tools) or any(line.startswith("report:") for line in described.splitlines())


def _scope(described: str, tools: Sequence[ToolSpec]) -> str:
    """What deep search says of itself: to a planner in words, to others as one of their tools."""
    lines = [*described.splitlines(), *(f"{tool.name}: {tool.description}" for tool in tools)]
    return next((line for line in lines if line.startswith("deep_search: ")), "")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def next_move(script: Script, outputs: Sequence[str]) -> Call | str:
    """What a script wants after these outputs: its next call, or its last words."""
    try:
        call = next(script)
        for output in outputs:
            call = script.send(output)
    except StopIteration as end:
        return str(end.value)
    return call


def read_result(output: str) -> dict[str, Any] | None:
    """The facts that the last line `RESULT {…}` of what was told of a cell holds, or None when there is none."""
    for line in reversed(output.splitlines()):
        if line.startswith(RESULT):
            return _object(line.removeprefix(RESULT)) or None
    return None
