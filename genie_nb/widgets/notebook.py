"""The notebook of a run: its code in the order in which it ran, its outputs, and the answer; nbformat 4.5. Pure.

It runs again on a plain Python kernel: what the code reads lies in a folder beside it, and nothing in it needs genie_nb or a
model. Equal runs give equal notebooks: no times, durations, paths or random ids are in them.

Above: `takeaway`. Below: `notebook_order`, `notebook_outputs`, `record`, `labels`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from genie_nb.controls import show_controls
from genie_nb.parts import CodePart, ErrorPart, FileRef, ImagePart, Part, PlanStep, TablePart
from genie_nb.transcript import Message, Note, Task, ToolCall, Transcript
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.notebook_order import Passage, is_code
from genie_nb.widgets.notebook_outputs import fenced, inline_code, outputs_of, parts_markdown
from genie_nb.widgets.previews import readable_size
from genie_nb.widgets.record import answer_text, safe_line, safe_markdown
from genie_nb.widgets.sections import STEP_MARKS, is_answer, left_to_tell, step_state

__all__ = ("Beside", "files_named_in", "run_notebook", "runs_code")

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}
TITLE_CHARACTERS = 200
"""A longer question, or one of several lines, is a text of its own below its first words."""
UNENDED = ("timeout", "died")
"""The errors of code that did not come to an end, and would not in another kernel."""
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_REFERENCE = re.compile(r"(!?)\[([^\[\]\n]*)\]\([ \t]*(?:<([^<>\n]+)>|([^()<>\s\"]+))(?:[ \t]+\"[^\"\n]*\")?[ \t]*\)")
_TOKEN = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True)
class Beside:
    """What lies beside the notebook.

    Attributes:
        folder: The name of the folder that the code runs in; empty where there is none.
        inputs: The name of each file and table that was at hand → where its copy lies, seen from the notebook.
        made: The name of each file that the run made → where its copy lies.
        absent: The name of each file that could not be copied → why, as a sentence.
        changed: The names of the inputs that the run has changed.
        tables: The variables that hold the DataFrames that were handed over.
        preamble: Python that makes them, from the folder.
    """

    folder: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    tables: tuple[str, ...] = ()
    preamble: str = ""


def run_notebook(
    transcript: Transcript, content: Iterable[Passage], beside: Beside, *, thoughts: bool = False, failed: bool = True
) -> NotebookNode:
    """The run as a notebook.

    Args:
        transcript: The run, ended or not.
        content: What it did, in order; see `notebook_order.read_events`.
        beside: What lies beside the notebook.
        thoughts: Whether what the agents thought on the way is kept.
        failed: Whether code that raised an error is kept; running it again goes on after it.
    """
    return _Writer(transcript, beside, thoughts=thoughts, failed=failed).write(list(content))


def runs_code(content: Iterable[Passage]) -> bool:
    """Whether there is code that can run again."""
    return any(isinstance(item, ToolCall) and is_code(item) for passage in content for item in passage.items)


class _Writer:
    """Writes the cells of one notebook from top to bottom."""

    def __init__(self, transcript: Transcript, beside: Beside, *, thoughts: bool, failed: bool) -> None:
        self._run, self._beside, self._thoughts, self._failed = transcript, beside, thoughts, failed
        self._labels = labels_for(transcript.query)
        self._cells: list[NotebookNode] = []
        self._executed = 0
        self._task: Task | None = None
        self._stage = ""
        self._begun: set[str] = set()

    def write(self, content: list[Passage]) -> NotebookNode:
        """The whole notebook."""
        runs = runs_code(content)
        self._text(_title(self._run, self._labels, runs=runs))
        self._text(_at_hand(self._run, self._beside, self._labels))
        if runs:
            self._code(_set_up(self._beside, content, self._labels), [])
            if self._beside.preamble:
                self._code(f"# {self._labels['nb_tables']}\n{self._beside.preamble}", [])
        if self._run.plan and len(self._run.plan.steps) > 1:
            self._text(_plan(self._run, self._labels))
        for passage in content:
            self._passage(passage)
        self._text(_answer(self._run, self._beside, self._labels))
        return new_notebook(cells=self._cells, metadata={"kernelspec": KERNEL, "language_info": LANGUAGE}, nbformat_minor=5)

    def _text(self, source: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> None:
        if source:
            more = {"attachments": attachments} if attachments else {}
            self._cells.append(new_markdown_cell(source, id=self._new_id(), **more))

    def _code(self, source: str, outputs: list[NotebookNode], *, raises: bool = False) -> None:
        if source:
            self._executed += 1
            metadata = {"tags": ["raises-exception"]} if raises else {}
            cell = new_code_cell(
                source, id=self._new_id(), execution_count=self._executed, outputs=outputs, metadata=metadata
            )
            self._cells.append(cell)

    def _new_id(self) -> str:
        return f"cell-{len(self._cells):03}"

    def _passage(self, passage: Passage) -> None:
        for item in passage.items:
            match item:
                case Message() if self._is_told(item, passage.task):
                    self._say(passage.task, safe_markdown(item.text.strip()))
                case Note():
                    self._say(passage.task, f"> {safe_line(item.text)}")
                case ToolCall():
                    self._call(item, passage.task)
        task = passage.task
        if task is not None and task.items[-1] is passage.items[-1] and (told := left_to_tell(task).strip()):
            failed = task.status == "failed"
            self._say(task, f"> **{self._labels['failed']}:** {safe_line(told)}" if failed else safe_markdown(told))

    def _is_told(self, message: Message, task: Task | None) -> bool:
        """An answer stands at the end; what a task found stands with it; a thought is kept where it was asked for."""
        if is_answer(message):
            return task is not None
        return self._thoughts

    def _say(self, task: Task | None, source: str, attachments: dict[str, dict[str, str]] | None = None) -> None:
        self._head(task)
        self._text(source, attachments)

    def _head(self, task: Task | None) -> None:
        """The headings of a task and its stage, where they are not above already."""
        if task is None or task is self._task:
            return
        self._task = task
        title = safe_line(task.title)
        steps = self._run.plan.steps if self._run.plan else ()
        stage = next((step.stage for step in steps if step.id == task.step_id), "")
        level = "###" if stage else "##"
        if task.task_id in self._begun:
            self._text(f"{level} {self._labels['nb_continued'].format(title=title)}")
            return
        self._begun.add(task.task_id)
        heading = f"{level} {title}"
        if stage and stage != self._stage:
            self._stage = stage
            heading = f"## {safe_line(stage)}\n\n{heading}"
        self._text(heading)

    def _call(self, call: ToolCall, task: Task | None) -> None:
        faults = [part for part in call.parts if isinstance(part, ErrorPart)]
        if (faults or call.status in ("error", "denied")) and not self._failed:
            return
        if not is_code(call):
            self._say(task, *_other_call(call, self._labels))
        elif call.status in ("running", "cancelled") or any(fault.name in UNENDED for fault in faults):
            blocks, pictures = parts_markdown(call.parts, self._labels)
            self._say(task, "\n\n".join([self._labels["nb_unended"], *blocks]), pictures)
        else:
            self._head(task)
            for code, shown in _by_code(call.parts):
                raises = any(isinstance(part, ErrorPart) for part in shown)
                self._code(code.strip("\n"), outputs_of(shown, self._labels), raises=raises)


def _by_code(parts: Iterable[Part]) -> list[tuple[str, list[Part]]]:
    """Each piece of code with what it showed."""
    pieces: list[tuple[str, list[Part]]] = []
    for part in parts:
        if isinstance(part, CodePart):
            pieces.append((part.code, []))
        elif pieces:
            pieces[-1][1].append(part)
    return pieces


def _title(t: Transcript, labels: Mapping[str, str], *, runs: bool) -> str:
    words = " ".join(t.query.split())
    short = words if len(words) <= TITLE_CHARACTERS else f"{words[: TITLE_CHARACTERS // 2]}…"
    blocks = [f"# {safe_line(short)}"]
    if short != t.query.strip():
        blocks.append("\n".join(f"> {safe_line(line)}" for line in t.query.strip().splitlines()))
    blocks.append(labels["nb_about" if runs else "nb_nothing"])
    if t.agent and t.model:
        badge = f" ({safe_line(t.badge)})" if t.badge else ""
        blocks.append(labels["nb_by"].format(agent=inline_code(t.agent), model=f"{inline_code(t.model)}{badge}"))
    return "\n\n".join(blocks)


def _at_hand(t: Transcript, beside: Beside, labels: Mapping[str, str]) -> str:
    lines = [f"- {_input(file, beside, labels)}" for file in t.inputs]
    lines += [f"- {_table(name, beside, labels)}" for name in beside.tables]
    return f"## {labels['nb_inputs']}\n\n" + "\n".join(lines) if lines else ""


def _input(file: FileRef, beside: Beside, labels: Mapping[str, str]) -> str:
    name, size, place = inline_code(file.name), readable_size(file.size), beside.inputs.get(file.name)
    if place:
        said = labels["nb_file"].format(name=name, size=size, place=_link(place, place))
        return f"{said} {labels['nb_changed']}" if file.name in beside.changed else said
    return _absent(file.name, f"{name} ({size})", beside, labels)


def _table(name: str, beside: Beside, labels: Mapping[str, str]) -> str:
    place = beside.inputs.get(name)
    if place:
        return labels["nb_table"].format(name=inline_code(name), place=_link(place, place))
    return _absent(name, inline_code(name), beside, labels)


def _absent(name: str, said: str, beside: Beside, labels: Mapping[str, str]) -> str:
    why = safe_line(beside.absent.get(name, ""))
    return labels["nb_absent"].format(name=said, why=why, folder=inline_code(beside.folder))


def _set_up(beside: Beside, content: Iterable[Passage], labels: Mapping[str, str]) -> str:
    """The code that makes a plain kernel what the run's own was: its folder, and how things are shown."""
    parts = [part for passage in content for item in passage.items if isinstance(item, ToolCall) for part in item.parts]
    code = "\n".join(part.code for part in parts if isinstance(part, CodePart))
    pieces = []
    if beside.folder:
        name = json.dumps(beside.folder, ensure_ascii=False)
        pieces.append(
            f"import os\n\n# {labels['nb_setup']}\nif os.path.basename(os.getcwd()) != {name}:\n    os.chdir({name})"
        )
    if re.search(r"\b(pd|pandas)\b", code) or any(isinstance(part, TablePart) for part in parts):
        pieces.append(f"# {labels['nb_printed']}\n{_AS_TABLES}")
    if any(isinstance(part, ImagePart) for part in parts) and _HAN.search(code + _words(parts)):
        pieces.append(f"# {labels['nb_drawn']}\n{_as_chinese(labels)}")
    return "\n\n".join(pieces)


_AS_TABLES = """import pandas as pd

pd.set_option("display.width", 160, "display.max_columns", 50)
pd.set_option("display.max_rows", 60, "display.max_colwidth", 80)
pd.set_option("display.unicode.east_asian_width", True)"""
_AS_CHINESE = """import warnings

import matplotlib.pyplot as plt
from matplotlib.font_manager import findSystemFonts, fontManager

fonts = ["Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
         "PingFang SC", "Heiti SC", "Microsoft YaHei", "SimHei", "Noto Sans CJK JP"]
listed = {font.fname for font in fontManager.ttflist}
for path in findSystemFonts():  # matplotlib's list may be older than the fonts
    if path not in listed and any(word in path.lower() for word in ("cjk", "sourcehan", "wqy", "simhei", "msyh")):
        fontManager.addfont(path)
found = [font for font in fonts if font in fontManager.get_font_names()]
plt.rcParams["font.family"] = ["sans-serif", *found[:1]]
plt.rcParams["axes.unicode_minus"] = False
warnings.filterwarnings("ignore", "Glyph .* missing from")
if not found:
    print(%s)"""


def _as_chinese(labels: Mapping[str, str]) -> str:
    return _AS_CHINESE % json.dumps(labels["nb_no_font"], ensure_ascii=False)


def _words(parts: Iterable[Part]) -> str:
    return "".join("".join((*part.columns, *sum(part.rows, ()))) for part in parts if isinstance(part, TablePart))


def _plan(t: Transcript, labels: Mapping[str, str]) -> str:
    def line(step: PlanStep) -> str:
        state = step_state(step, ended=t.ended)
        said = "" if state == "completed" else f" ({labels[state]})"
        note = f" – {safe_line(step.note)}" if step.note else ""
        return f"- {STEP_MARKS[state]} {safe_line(step.title)}{said}{note}"

    return f"## {labels['plan']}\n\n" + "\n".join(map(line, t.plan.steps if t.plan else ()))


def _other_call(call: ToolCall, labels: Mapping[str, str]) -> tuple[str, dict[str, dict[str, str]]]:
    """A call that only the run could make, as Markdown: what was asked, and what came."""
    blocks, pictures = parts_markdown(call.parts, labels)
    if call.output and (not blocks or call.status != "ok"):
        blocks.append(fenced(call.output, "text", labels))
    arguments = [fenced(show_controls(_pretty(call.arguments)), "json", labels)] if call.arguments.strip() else []
    return "\n\n".join([labels["nb_call"].format(tool=inline_code(call.tool)), *arguments, *blocks]), pictures


def _pretty(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return arguments


def _answer(t: Transcript, beside: Beside, labels: Mapping[str, str]) -> str:
    blocks = []
    if not t.ended:
        blocks.append(f"> {labels['nb_running']}")
    if t.error:
        blocks.append(f"> **{labels[t.status]}:** {safe_line(t.error)}")
    answer = answer_text(t)
    if answer:
        blocks = [f"## {labels['answer']}", *blocks, _with_files(answer, beside)]
    if beside.made:
        links = "\n".join(f"- {_link(name, place)}" for name, place in beside.made.items())
        blocks.append(f"**{labels['files']}**\n\n{links}")
    return "\n\n".join(blocks)


def files_named_in(text: str) -> set[str]:
    """What a Markdown text's pictures and links lead to, as names of files."""
    return {_named(found) for found in _REFERENCE.finditer(text)}


def _named(found: re.Match[str]) -> str:
    return unquote(found[3] or found[4]).removeprefix("./")


def _with_files(text: str, beside: Beside) -> str:
    """The text as safe Markdown, in which pictures and links to the run's files lead to their copies."""
    places = {**beside.inputs, **beside.made}
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        place = places.get(_named(found))
        if place is None:
            return found[0]
        kept.append(f"{found[1]}{_link(found[2], place)}")
        return f"\ue000{len(kept) - 1}\ue001"

    safe = safe_markdown(_REFERENCE.sub(keep, re.sub("[\ue000\ue001]", "", text)))
    return _TOKEN.sub(lambda found: kept[int(found[1])], safe)


def _link(text: str, place: str) -> str:
    words = re.sub(r"[\[\]]", "", safe_line(text))
    address = re.sub(r"[^\w./-]", lambda found: quote(found[0]), place)
    return f"[{words}]({address})"
