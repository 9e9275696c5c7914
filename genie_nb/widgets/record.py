"""The record: a run as the static result of its cell, as HTML, Markdown and plain text. Pure.

Equal runs give equal records: no times, durations, ids, token counts or paths are in them. The HTML is the live view's own
nodes and stylesheet without a script; it can still be read where a page takes the stylesheet and the frames away.

Above: `session`. Below: `sections`, `cards`, `previews`, `nodes`.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

from genie_nb.controls import show_line
from genie_nb.errors import GenieError
from genie_nb.parts import FileRef, Part, Plan, PlanStep
from genie_nb.transcript import Item, Message, Note, Task, ToolCall, Transcript
from genie_nb.widgets import sections
from genie_nb.widgets.cards import card_node, part_node
from genie_nb.widgets.labels import about_in, counted, labels_for
from genie_nb.widgets.nodes import Node, to_html
from genie_nb.widgets.previews import PREVIEW_BYTES, ReadFile, preview_html
from genie_nb.widgets.render import markdown_blocks, markdown_tokens
from genie_nb.widgets.searches import anchors_of, cited_sources, source_nodes

__all__ = (
    "STYLE",
    "acts_outside_code",
    "answer_text",
    "as_entities",
    "files_of",
    "inert_code",
    "record_html",
    "record_markdown",
    "record_text",
    "safe_line",
    "safe_markdown",
)

STYLE = (files("genie_nb.widgets") / "static" / "style.css").read_text("utf-8")
"""The stylesheet of the view and of the record; every rule of it is under one class."""
EMBED_BYTES = 200_000
"""Larger files are listed in the record, but not carried in it; pictures are."""
NO_FORMULAS = "mathjax_ignore tex2jax_ignore"
"""The classes at which MathJax 3 and 2 pass by: a record's dollars are money, and no formulas."""
PLAIN = "border:1px solid rgba(128,128,128,.35);border-radius:8px;padding:8px 14px 4px;overflow:auto"
"""What a page keeps of the look that takes the stylesheet away, as JupyterLab does before a notebook is trusted."""
ALL_EMBEDDED_BYTES = 8_000_000
"""When so much is carried, the files after that are listed alone."""

Labels = Mapping[str, str]


def record_html(transcript: Transcript, *, read_file: ReadFile) -> str:
    """The run as one self-contained piece of HTML.

    Args:
        transcript: The run, ended or not.
        read_file: Reads one of the run's files; a `GenieError` or `OSError` leaves the file listed without its content.
    """
    labels = labels_for(transcript.query)
    look = {
        "class": f"gnb gnb-record {NO_FORMULAS}",
        "data-status": transcript.status,
        "lang": labels["lang"],
        "style": PLAIN,
    }
    return f"<style>{STYLE}</style>{to_html(_page(Node('r', 'div', look), transcript, labels, read_file))}"


def _page(root: Node, t: Transcript, labels: Labels, read_file: ReadFile) -> Node:
    cites = anchors_of(part for call in t.calls.values() for part in call.parts)
    items = [(item, _item(f"i{n}", item, labels, cites)) for n, item in enumerate(t.items)]
    answer = tuple(node for item, node in items if _is_answer(item))
    if left := sections.answer_left(t):
        answer += (Node("last", "div", {"class": "gnb-message gnb-said gnb-text"}, children=_blocks("last", left, cites)),)
    given = tuple(_file_nodes("g", t.inputs, labels, read_file))
    inside = {
        "answer.i": answer,
        "sources.i": tuple(source_nodes(t)),
        "files.i": tuple(_file_nodes("f", files_of(t), labels, read_file)),
        "work.i": _work([(item, node) for item, node in items if not _is_answer(item)], labels),
    }
    return sections.filled(root, sections.frame(t, labels, live=False, given=given), inside)


def _work(items: Sequence[tuple[Item, Node]], labels: Labels) -> tuple[Node, ...]:
    """The work; what came before the first task that failed stands behind one line, so that this task is seen."""
    nodes = tuple(node for _, node in items)
    failed = next((n for n, (item, _) in enumerate(items) if isinstance(item, Task) and item.status == "failed"), 0)
    if failed < 2:
        return nodes
    before = sum(isinstance(item, Task) for item, _ in items[:failed])
    title = Node("before.s", "summary", {"class": "gnb-muted"}, counted(labels, "before", before))
    body = Node("before.i", "div", children=nodes[:failed])
    return (Node("before", "details", {"class": "gnb-before", "data-open": "0"}, children=(title, body)), *nodes[failed:])


def _is_answer(item: Item) -> bool:
    return isinstance(item, Message) and sections.is_answer(item)


def files_of(t: Transcript) -> list[FileRef]:
    """The files that a run has made, and those that it delivered; pictures first, which are part of the answer."""
    files = t.files | {file.name: file for file in t.deliverables}
    return sorted(files.values(), key=lambda file: not sections.is_picture(file))


def _item(key: str, item: Item, labels: Labels, cites: Mapping[int, str], task: Task | None = None) -> Node:
    match item:
        case Message():
            inside = _blocks(key, item.text, cites)
            return sections.message_node(key, item, labels, inside, who=sections.speaker(item, task))
        case ToolCall():

            def part(part_key: str, value: Part) -> Node:
                return part_node(part_key, value, labels)

            return card_node(key, item, labels, part)
        case Note():
            return sections.note_node(key, item)
        case Task():
            children = tuple(_item(f"{key}.{n}", inner, labels, cites, item) for n, inner in enumerate(item.items))
            return sections.task_node(key, item, labels, children)


def _blocks(key: str, text: str, cites: Mapping[int, str]) -> tuple[Node, ...]:
    blocks = markdown_blocks(text, citations=cites)
    return tuple(Node(f"{key}.{n}", "div", {"class": "gnb-block"}, html=html) for n, html in enumerate(blocks))


def _file_nodes(letter: str, files: Iterable[FileRef], labels: Labels, read_file: ReadFile) -> Iterator[Node]:
    left = ALL_EMBEDDED_BYTES
    for number, file in enumerate(files):
        key = f"{letter}{number}"
        yield _file(key, file, labels, read_file) if left > 0 else _file_node(key, file, labels)
        left -= file.size if file.size <= PREVIEW_BYTES else 0


def _file(key: str, file: FileRef, labels: Labels, read_file: ReadFile) -> Node:
    try:
        content = read_file(file.name, PREVIEW_BYTES)
    except (GenieError, OSError):
        return _file_node(key, file, labels, preview=f'<p class="gnb-muted">{escape(labels["unreadable"])}</p>')
    link, made = "", key.startswith("f")  # who gave a file has it
    if made and file.size < EMBED_BYTES:
        # Octets, whatever the file is: a browser saves them and opens nothing in the notebook's name.
        address = f"data:application/octet-stream;base64,{b64encode(content).decode()}"
        name = escape(file.name.rsplit("/", 1)[-1])
        link = f'<a class="gnb-button" href="{address}" download="{name}">{escape(labels["download"])}</a>'
    return _file_node(
        key, file, labels, link, preview_html(file, content, labels), is_open=made and sections.is_picture(file)
    )


def _file_node(key: str, file: FileRef, labels: Labels, link: str = "", preview: str = "", *, is_open: bool = False) -> Node:
    button = Node(f"{key}.d", "span", html=link)
    inside = (Node(f"{key}.p", "div", html=preview),)
    return sections.file_node(key, file, button, labels, inside, is_open=is_open)


def record_markdown(transcript: Transcript) -> str:
    """The run as Markdown: question, answer or error, files, plan; nothing in it runs or loads anything."""
    labels = labels_for(transcript.query)
    pieces = [f"**{labels['question']}:** {safe_line(transcript.query)}"]
    if transcript.error:
        title = labels["cancelled" if transcript.status == "cancelled" else "error"]
        pieces.append(f"**{title}:** {safe_line(transcript.error)}")
    answer = answer_text(transcript)
    if answer:
        pieces.append(safe_markdown(answer))
    if sources := _sources(transcript, answer):
        pieces.append(f"**{labels['sources']}**\n\n" + "\n".join(f"- {safe_line(source)}" for source in sources))
    if files_of(transcript):
        names = "\n".join(f"- {safe_line(show_line(file.name))}" for file in files_of(transcript))
        pieces.append(f"**{labels['files']}**\n\n{names}")
    given = [*transcript.inputs, *transcript.tables]
    if given:
        names = "\n".join(f"- {_named(file, labels)}" for file in given)
        pieces.append(f"**{labels['inputs']}**\n\n{names}")
    if transcript.plan and transcript.plan.steps:
        steps = (
            f"- [{'x' if step.status == 'completed' else ' '}] {safe_line(step.title)} ({labels[_state(step, transcript)]})"
            for step in transcript.plan.steps
        )
        pieces.append(f"**{labels['plan']}**\n\n" + "\n".join(steps))
    return "\n\n".join(pieces) + "\n"


def _named(file: FileRef, labels: Labels) -> str:
    about = f" ({safe_line(about_in(labels, file.about))})" if file.about else ""
    return f"{safe_line(show_line(file.name))}{about}"


def record_text(transcript: Transcript) -> str:
    """The run as plain text for a terminal: question, answer or error, names of files, plan with states."""
    labels = labels_for(transcript.query)
    pieces = [f"{labels['question']}: {' '.join(transcript.query.split())}"]
    if transcript.error:
        pieces.append(f"{labels[transcript.status]}: {transcript.error}")
    elif not transcript.ended:
        pieces.append(labels[transcript.status])
    answer = answer_text(transcript)
    if answer:
        pieces.append(f"{labels['answer']}:\n{answer}")
    if sources := _sources(transcript, answer):
        pieces.append("\n".join((f"{labels['sources']}:", *sources)))
    names = ", ".join(show_line(file.name) for file in files_of(transcript))
    if names:
        pieces.append(f"{labels['files']}: {names}")
    if transcript.plan and transcript.plan.steps:
        pieces.append(f"{labels['plan']}:\n{_plan_text(transcript, transcript.plan, labels)}")
    return "\n\n".join(pieces)


def _sources(transcript: Transcript, answer: str) -> list[str]:
    """What the answer cites, a line each; nothing where it lists its sources itself."""
    cited = cited_sources(transcript, answer)
    if all(hit.source in answer for hit in cited):
        return []
    return [f"[{hit.number}] {hit.title} ({hit.source})" for hit in cited]


def _state(step: PlanStep, transcript: Transcript) -> str:
    return sections.step_state(step, ended=transcript.ended)


def _plan_text(transcript: Transcript, plan: Plan, labels: Labels) -> str:
    lines = []
    stage = ""
    for step in plan.steps:
        if step.stage != stage:
            stage = step.stage
            lines.append(f"  {stage}")
        note = f" – {step.note}" if step.note else ""
        state = _state(step, transcript)
        said = "" if state == "completed" else f" ({labels[state]})"
        lines.append(f"  {sections.STEP_MARKS[state]} {step.title}{said}{note}")
    return "\n".join(lines)


def answer_text(transcript: Transcript) -> str:
    """The answer as Markdown, as far as it has been said."""
    said = [item.text.strip() for item in transcript.items if isinstance(item, Message) and sections.is_answer(item)]
    left = sections.answer_left(transcript)
    return "\n\n".join([text for text in said if text] + ([left] if left else []))


_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")
_CODE = r"(?<!`)(`+)(?!`)(?:[^\n]|\n(?![ \t]*\n))+?(?<!`)\2(?!`)"
_DOLLAR = re.compile(rf"(?P<code>{_CODE})|(?P<link>\]\([^\s)]*|https?://[^\s)]+)|\$")
_LINK = re.compile(r"\](?=[(:](?!\s*<?(?:https?://|mailto:)))")


def safe_line(text: str) -> str:
    """A text as one line of safe Markdown."""
    return _safe(" ".join(text.split()))


def _safe(text: str) -> str:
    """Markdown whose HTML is text, whose images are links, whose links lead to http, https or mailto; no formulas."""
    safe = _LINK.sub("&#93;", _IMAGE.sub("&#33;", _TAG.sub("&lt;", text)))  # a backslash could be undone by another
    return _DOLLAR.sub(_money, safe)


def _money(found: re.Match[str]) -> str:
    """A dollar that no reader takes for the begin of a formula: they look for pairs in one element, some in entities too."""
    if found["code"]:
        return found[0]
    return found[0].replace("$", "%24") if found["link"] else "<span>&#36;</span>"


def safe_markdown(text: str) -> str:
    """The Markdown made safe, but for its code blocks: they are shown as they are, or as `inert_code`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    kept: dict[int, list[str]] = {}
    for token in markdown_tokens(text, {}):
        if token.type == "fence" and token.level == 0 and token.map:
            block = lines[slice(*token.map)]
            inert = [inert_code(token.content), ""] if acts_outside_code(token.content) else block
            kept |= {number: [] for number in range(*token.map)} | {token.map[0]: inert}
    safe = _safe("\n".join("" if number in kept else line for number, line in enumerate(lines))).split("\n")
    return "\n".join(shown for number, line in enumerate(safe) for shown in kept.get(number, [line]))


_ACTS = re.compile(
    r"commandlinker|!\[(?=[\s\S]*//)|<(?:a|audio|base|button|embed|form|iframe|image|img|input|link|meta|object|picture|script"
    r"|source|style|svg|track|video)\b",
    re.IGNORECASE,
)
_MEANS = re.compile(r"[^\w\s.,;/+%-]")


def acts_outside_code(code: str) -> bool:
    r"""Whether it would load, lead or do something, if a reader of Markdown did not see where the code block begins.

    Readers differ: a definition's title or a formula (`\begin{x}` … `\end{x}` in JupyterLab) may take the fence in, and
    what a block hides from one is HTML to the other. JupyterLab runs a command for a click on `data-commandlinker-command`.
    """
    return _ACTS.search(code) is not None


def inert_code(code: str) -> str:
    """A code block as HTML whose every sign is an entity: code to a reader that sees the block, words to any other."""
    return f"<pre><code>{as_entities(code)}</code></pre>"


def as_entities(text: str) -> str:
    """The text with an entity for every sign that could mean something in Markdown or in HTML."""
    return _MEANS.sub(lambda found: f"&#{ord(found[0])};", text)
