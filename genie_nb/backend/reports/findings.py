"""Findings: what a run has found so far, as the lines that a report is written from. Pure.

Each line is one JSON object with a `kind`: `result` (what a task came to), `table`, `output`, `source` (of a search),
`picture`, `file`. Models and the offline analyst read the same lines.

Above: `tools/report`, the agents. Below: `transcript`, `models/sections`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from genie_nb.backend.models.sections import cut_middle
from genie_nb.parts import SearchPart, TablePart
from genie_nb.transcript import Task, ToolCall, Transcript

__all__ = ("findings",)

TEXT_CHARACTERS, OUTPUT_CHARACTERS = 8_000, 2_000
TABLE_ROWS = 20
Finding = Mapping[str, Any]


def findings(transcript: Transcript, *, said: str = "", most_characters: int = 100_000) -> str:
    """The lines.

    Args:
        transcript: The run so far.
        said: What whoever asks for the report has found out itself.
        most_characters: About how many characters they may have; what does not fit is left out.
    """
    lines: list[str] = []
    left = most_characters
    own = [{"kind": "result", "title": "", "status": "completed", "text": said}] if said.strip() else []
    for finding in (*own, *_found(transcript)):
        line = json.dumps(finding, ensure_ascii=False)
        if len(line) <= left:
            lines.append(line)
            left -= len(line)
    return "\n".join(lines)


def _found(transcript: Transcript) -> Iterator[Finding]:
    for item in transcript.items:
        if isinstance(item, Task):
            yield from _of_task(item)
        elif isinstance(item, ToolCall):
            yield from _of_call(item, told="")
    for file in transcript.files.values():
        yield {"kind": "picture" if file.media_type.startswith("image/") else "file", "name": file.name}


def _of_task(task: Task) -> Iterator[Finding]:
    if task.status == "running" or not task.summary:
        return
    summary = cut_middle(task.summary, TEXT_CHARACTERS)
    yield {"kind": "result", "title": task.title, "status": task.status, "text": summary}
    for item in task.items:
        if isinstance(item, ToolCall):
            yield from _of_call(item, told=task.summary)


def _of_call(call: ToolCall, *, told: str) -> Iterator[Finding]:
    """What a call showed; a table that the task's own summary tells is not told again."""
    if call.status != "ok" or call.tool == "report":
        return
    for part in call.parts:
        match part:
            case TablePart() if "|" not in told:
                rows = [list(row) for row in part.rows[:TABLE_ROWS]]
                yield {"kind": "table", "columns": list(part.columns), "rows": rows, "rows_in_all": part.total_rows}
            case SearchPart(stage="sources"):
                for hit in part.hits:
                    text = cut_middle(hit.text, OUTPUT_CHARACTERS)
                    yield {"kind": "source", "number": hit.number, "title": hit.title, "source": hit.source, "text": text}
    shows_table = any(isinstance(part, TablePart | SearchPart) for part in call.parts)
    if not told and call.output and not shows_table:
        yield {"kind": "output", "tool": call.tool, "text": cut_middle(call.output, OUTPUT_CHARACTERS)}
