"""Plays the agents' part against the offline analyst: planner, executors and summary, or react; cells run in one namespace."""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import asyncio
import contextlib
import io
import json
import os
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd

from genie_nb.backend.inputs import profile_file
from genie_nb.backend.interpreter.startup import set_up_fonts
from genie_nb.backend.models.analyst import OfflineAnalyst
from genie_nb.backend.models.base import ChatMessage, Finish, Text, ToolCallFragment, ToolCallRequest, ToolSpec
from genie_nb.backend.models.sections import section
from genie_nb.parts import RESULT, RESULT_TYPE

matplotlib.use("Agg")

PLAN = ToolSpec("plan", "Make or change the plan.", {"type": "object", "properties": {}})
CODE = ToolSpec("code_interpreter", "Run Python.", {"type": "object", "properties": {"code": {"type": "string"}}})
DELIVER = ToolSpec("deliver", "Name the files worth keeping.", {"type": "object", "properties": {}})


@dataclass
class Reply:
    text: str
    calls: list[ToolCallRequest]

    def arguments(self) -> dict[str, Any]:
        return json.loads(self.calls[0].arguments)


def ask_model(messages: list[ChatMessage], tools: list[ToolSpec]) -> Reply:
    async def drain() -> Reply:
        words, names, pieces, finished = [], {}, {}, 0
        async for chunk in OfflineAnalyst(pace_s=0).stream(messages, tools):
            match chunk:
                case Text(text):
                    words.append(text)
                case ToolCallFragment(index, call_id, name, arguments):
                    names.setdefault(index, (call_id, name))
                    pieces[index] = pieces.get(index, "") + arguments
                case Finish():
                    finished += 1
        assert finished == 1
        return Reply("".join(words), [ToolCallRequest(names[at][0], names[at][1], pieces[at]) for at in sorted(names)])

    return asyncio.run(drain())


@dataclass
class Kernel:
    """One namespace that runs cells as an interpreter would, and says what a model is told."""

    folder: Path
    names: dict[str, Any] = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        set_up_fonts()

    def run(self, code: str) -> str:
        self.cells.append(code)
        before = set(os.listdir(self.folder))
        printed = io.StringIO()
        self.names.setdefault("display", _display)
        home = os.getcwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(printed), warnings.catch_warnings():
                warnings.simplefilter("error")  # a warning would stand red under the cell
                warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
                warnings.filterwarnings("ignore", "Glyph .* missing from")  # what a kernel says of it is no warning
                exec(compile(code, "<cell>", "exec"), self.names)
        except Exception:  # a kernel tells every error of a cell
            self.errors.append(traceback.format_exc())
            printed.write(traceback.format_exc())
        finally:
            os.chdir(home)
            plt.close("all")
        new = sorted(set(os.listdir(self.folder)) - before)
        return printed.getvalue() + (f"\nfiles: {', '.join(new)}" if new else "")


def _display(*values: Any, raw: bool = False) -> None:
    """What a model is told of what a cell shows."""
    for value in values:
        print(f"{RESULT}{value[RESULT_TYPE]}" if raw else value)


@dataclass
class Played:
    answer: str
    steps: list[dict[str, Any]]
    results: list[dict[str, str]]
    files: list[str]
    kernel: Kernel


def inputs_of(folder: Path, frames: dict[str, pd.DataFrame] | None = None) -> str:
    kinds = (".csv", ".json", ".xlsx", ".pdf", ".txt", ".md")
    lines = [profile_file(path, path.name).line() for path in sorted(folder.iterdir()) if path.suffix in kinds]
    return "\n".join([*lines, *(_frame_line(name, frame) for name, frame in (frames or {}).items())])


def _frame_line(name: str, frame: pd.DataFrame) -> str:
    columns = [
        {
            "name": str(title),
            "kind": "number" if pd.api.types.is_numeric_dtype(cells) else "text",
            "examples": [str(v) for v in cells.head(3)],
        }
        for title, cells in frame.items()
    ]
    return json.dumps({"name": name, "kind": "dataframe", "size": 0, "read": name, "rows": len(frame), "columns": columns})


def react(question: str, folder: Path, tools: Iterable[tuple[ToolSpec, Callable[..., Any]]] = ()) -> Played:
    """The question to the react agent."""
    kernel = Kernel(folder)
    user = ChatMessage("user", section("question", question) + "\n" + section("inputs", inputs_of(folder)))
    answer = _work([ChatMessage("system", "You work."), user], kernel, {spec.name: (spec, run) for spec, run in tools})
    return Played(answer, [], [], [], kernel)


def _work(messages: list[ChatMessage], kernel: Kernel, own: dict[str, tuple[ToolSpec, Callable[..., Any]]]) -> str:
    for _ in range(20):
        reply = ask_model(messages, [CODE, *(spec for spec, _ in own.values())])
        if not reply.calls:
            return reply.text
        messages.append(ChatMessage("assistant", reply.text, tuple(reply.calls)))
        for call in reply.calls:
            arguments = json.loads(call.arguments)
            output = (
                kernel.run(arguments["code"]) if call.name == "code_interpreter" else str(own[call.name][1](**arguments))
            )
            messages.append(ChatMessage("tool", output, tool_call_id=call.call_id))
    raise AssertionError("the executor never came to an end")


def play(question: str, folder: Path, frames: dict[str, pd.DataFrame] | None = None) -> Played:
    """The question to planner, executors and summary."""
    kernel = Kernel(folder, dict(frames or {}))
    inputs = inputs_of(folder, frames)
    start = set(os.listdir(folder))
    planner = [
        ChatMessage("system", "You plan."),
        ChatMessage(
            "user",
            section("question", question)
            + "\n"
            + section("inputs", inputs)
            + "\n"
            + section("tools", "code_interpreter: Run Python."),
        ),
    ]
    steps: dict[str, dict[str, Any]] = {}
    results: list[dict[str, str]] = []
    for _ in range(12):
        reply = ask_model(planner, [PLAN])
        assert len(reply.calls) == 1, reply.text
        assert reply.text
        plan = reply.arguments()
        planner += [
            ChatMessage("assistant", reply.text, tuple(reply.calls)),
            ChatMessage("tool", "ok", tool_call_id=reply.calls[0].call_id),
        ]
        for name in plan.get("drop", []):
            steps.pop(name)
        for step in plan.get("add", []):
            assert step["id"] not in steps
            steps[step["id"]] = step
        if plan.get("finish"):
            break
        done = {entry["step"] for entry in results}
        ready = [step for step in steps.values() if step["id"] not in done and set(step["after"]) <= done]
        assert ready, f"the plan stands still: {plan}"
        for step in reversed(ready):
            results.append(_execute(question, step, inputs, results, kernel))
        created = "\n".join(sorted(set(os.listdir(folder)) - start))
        planner.append(ChatMessage("user", section("results", _lines(results)) + "\n" + section("created", created)))
    else:
        raise AssertionError("the planner never came to an end")
    made = "\n".join(sorted(set(os.listdir(folder)) - start))
    body = "\n".join((section("question", question), section("results", _lines(results)), section("created", made)))
    reply = ask_model([ChatMessage("system", "You sum up."), ChatMessage("user", body)], [DELIVER])
    files = reply.arguments()["files"] if reply.calls else []
    return Played(reply.text, list(steps.values()), results, files, kernel)


def _lines(entries: list[dict[str, str]]) -> str:
    return "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)


def _execute(
    question: str, step: dict[str, Any], inputs: str, results: list[dict[str, str]], kernel: Kernel
) -> dict[str, str]:
    task = json.dumps({key: step[key] for key in ("id", "stage", "title", "detail")}, ensure_ascii=False)
    body = "\n".join(
        (
            section("question", question),
            section("task", task),
            section("inputs", inputs),
            section("results", _lines(results)),
        )
    )
    summary = _work([ChatMessage("system", "You work."), ChatMessage("user", body)], kernel, {})
    return {"step": step["id"], "title": step["title"], "status": "completed", "summary": summary}
