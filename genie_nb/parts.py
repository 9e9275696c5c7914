"""The values that events carry: plans, files, and the parts of a tool's output.

Everything here is frozen, has a JSON form, and holds no path of the machine and no time of day, so that the record of a
run says the same wherever and whenever it is read.

Above: `events`. Below: nothing.
"""

import re
from typing import Literal

import msgspec

__all__ = (
    "RESULT",
    "RESULT_TYPE",
    "CodePart",
    "DocumentPart",
    "ErrorPart",
    "FileRef",
    "Hit",
    "ImagePart",
    "Part",
    "Plan",
    "PlanStep",
    "ProgressPart",
    "SearchPart",
    "SearchStage",
    "StepStatus",
    "StreamPart",
    "TablePart",
    "Usage",
    "cited_numbers",
    "readable",
    "without_results",
)

CITATION = re.compile(r"\[(\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)\](?![(:])", re.ASCII)
"""Numbers in brackets that are no link."""
StepStatus = Literal["not_started", "in_progress", "completed", "blocked", "dropped"]
SearchStage = Literal["queries", "hits", "verdict", "sources"]


class PlanStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a plan.

    Attributes:
        id: The step's name in its plan, e.g. `s1`; never changes.
        stage: The heading that neighbouring steps share.
        title: What is done, in a few words.
        detail: The same in full, for whoever does it.
        after: Ids of the steps whose results this one needs.
        assignee: Who does it.
        note: Why it stands as it does, e.g. the reason for being blocked.
    """

    id: str
    title: str
    stage: str = ""
    detail: str = ""
    after: tuple[str, ...] = ()
    assignee: str = "executor"
    status: StepStatus = "not_started"
    note: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be done, in order."""

    title: str = ""
    steps: tuple[PlanStep, ...] = ()


class FileRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file in a run's folder.

    Attributes:
        name: Its path inside the run's folder, with `/` between folders.
        size: Bytes.
        media_type: Its type, from its name, e.g. `image/png`.
        sha256: Hex digest of its content; empty for a file too large to hash.
        about: What it holds, in English, e.g. `CSV, 1,204 rows × 7 columns, GBK`; empty where nobody looked.
    """

    name: str
    size: int
    media_type: str
    sha256: str
    about: str = ""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the model counted over a run: tokens in, tokens out, and calls."""

    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0


class CodePart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="code"):
    """Code that a tool runs."""

    code: str
    language: str = "python"


class StreamPart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stream"):
    """A piece of what a running program prints; neighbouring pieces of one stream join."""

    text: str
    stream: Literal["stdout", "stderr"] = "stdout"


class TablePart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="table"):
    """The head of a table, every cell as text.

    Attributes:
        columns: Names, the index's first.
        dtypes: One a column, e.g. `int64`, `str`, `datetime64[ns]`; empty for the index.
        rows: At most the first rows, as many cells a row as columns.
        total_rows: How many rows the whole table has.
        total_columns: How many columns the whole table has, the index not counted.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    dtypes: tuple[str, ...] = ()
    total_rows: int = 0
    total_columns: int = 0


class ImagePart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """A picture: `image/png`, `image/jpeg` or `image/svg+xml` (as UTF-8 bytes)."""

    content: bytes
    media_type: str = "image/png"
    alt: str = ""


class DocumentPart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="document"):
    """A text with a form: `text/plain`, `text/markdown`, `text/html` (hostile), `application/json`."""

    text: str
    media_type: str = "text/plain"


class ErrorPart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """An error of the code that ran: its class, its message, its cleaned traceback (no colour codes)."""

    name: str
    message: str
    traceback: str = ""


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a search found.

    Attributes:
        title: What it is called.
        source: Where it is: a URL, or a path in a folder that is searched, e.g. `notes/plan.md#Costs`.
        text: The passage that fits the query, or what was read of the page.
        number: The number that the answer cites it by; 0 while it has none.
    """

    title: str
    source: str
    text: str = ""
    number: int = 0


class SearchPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="search"):
    """One stage of a search, round by round.

    - `queries`: what is searched for in this round.
    - `hits`: what one engine found for one query; `note` says why it failed, if it did.
    - `verdict`: whether what was read is enough to answer; `note` says why.
    - `sources`: the passages that the answer may cite, numbered.
    """

    stage: SearchStage
    round: int = 1
    query: str = ""
    queries: tuple[str, ...] = ()
    engine: str = ""
    hits: tuple[Hit, ...] = ()
    enough: bool = False
    note: str = ""


class ProgressPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="progress"):
    """How far a call has come; the next one takes its place. `total` is 0 where nobody knows it."""

    done: float
    total: float = 0.0
    message: str = ""


Part = CodePart | StreamPart | TablePart | ImagePart | DocumentPart | ErrorPart | SearchPart | ProgressPart


def cited_numbers(text: str) -> set[int]:
    """The numbers that a text cites in brackets: `[2]`, `[1, 3]`."""
    return {int(number) for group in CITATION.findall(text) for number in re.findall(r"\d+", group)}


def readable(text: str) -> str:
    """The text with each lone surrogate, which no encoding can carry, replaced by a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


RESULT_TYPE = "application/vnd.genie.result+json"
"""The MIME type of display data that a cell hands back to the model that wrote it: told to the model, shown to nobody."""
RESULT = "RESULT "
"""How the line begins in which a model is told such a result."""


def without_results(text: str) -> str:
    """The text without the lines that are meant for a model alone."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(RESULT + "{"))
