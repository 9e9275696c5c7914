"""The code interpreter as a tool: Python in the run's own kernel, its output shown live, its files reported.

Below: `interpreter/base`, `workspace`. The kernel itself is somebody else's room.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import assert_never

from genie_nb.backend.context import Language, RunContext
from genie_nb.backend.extras import hint_for_import
from genie_nb.backend.interpreter.base import CellFinished, CodeRunner, Redrawn, ResultForModel
from genie_nb.backend.models.base import ToolSpec
from genie_nb.backend.models.sections import cut_middle
from genie_nb.backend.tools.base import Call
from genie_nb.backend.tools.returned import table_text
from genie_nb.errors import ToolFailed
from genie_nb.events import FileCreated
from genie_nb.parts import (
    RESULT,
    CodePart,
    DocumentPart,
    ErrorPart,
    ImagePart,
    Part,
    ProgressPart,
    SearchPart,
    StreamPart,
    TablePart,
)
from genie_nb.printed import plain
from genie_nb.shown import Shown

__all__ = ("CodeInterpreter", "missing_font")

TOLD_CHARACTERS = 12_000
"""How much of a cell's output the model is told; the middle is left out of more."""
WATCH_S = 1.0
"""Seconds between two looks for new files while a cell runs."""
NO_FONT = {
    "en": "Charts show boxes in place of “{characters}”, as no font on this machine has such characters: "
    "install one (on Debian: fonts-noto-cjk) and ask again.",
    "zh": "图中的“{characters}”等字符显示为方框，因为本机没有包含这些字符的字体："
    "请安装一种（Debian：fonts-noto-cjk），然后重新提问。",
}
"""The offline analyst knows these sentences again."""
NAMED_CHARACTERS = 8
_CJK = "[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
"""Chinese, Japanese and Korean characters."""

_SPEC = ToolSpec(
    "code_interpreter",
    "Run Python (IPython, pandas, numpy, matplotlib) in the run's own kernel. Variables stay from call to call. The working "
    "directory holds the input files; files written there are kept. Print what you need to read; end a cell with a "
    "DataFrame or plt.show() to show it to the person.",
    {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "The Python code of one cell."}},
        "required": ["code"],
        "additionalProperties": False,
    },
)


class CodeInterpreter:
    """Runs the code of all agents of one run, one cell after another."""

    spec = _SPEC

    def __init__(self, runner: CodeRunner, *, cell_timeout_s: float, owned: bool = True) -> None:
        """A tool over a session of code; `owned` says whether the session ends with it."""
        self._runner, self._owned = runner, owned
        self._cell_timeout_s = cell_timeout_s
        self._font_told = False
        self._one_at_a_time = asyncio.Lock()  # so that a file is reported with the cell that wrote it

    @property
    def timeout_s(self) -> float:
        """Unlimited here: waiting for other tasks' cells is no fault, and each cell has its own limit."""
        return 24 * 3600.0

    async def call(self, call: Call) -> str:
        """Run one cell; returns its output as text.

        Raises:
            ToolFailed: The code is no text, or no kernel could be had.
        """
        code = call.arguments["code"]
        if not isinstance(code, str) or not code.strip():
            raise ToolFailed("The argument code must be the Python code as text.")
        call.show(CodePart(code=code))
        async with self._one_at_a_time:
            told = await self._run(call, code)
            files = await _report_files(call.context, call.call_id)
        if files:
            told.append("files: " + ", ".join(files))
        return cut_middle("\n".join(text.rstrip("\n") for text in told), TOLD_CHARACTERS) or "(the cell showed nothing)"

    async def _run(self, call: Call, code: str) -> list[str]:
        shown, results, told = Shown(), list[str](), list[str]()
        cell = self._runner.run(code, timeout_s=self._cell_timeout_s)
        async with _watching(call), aclosing(cell):
            async for part in cell:
                if isinstance(part, ResultForModel):
                    results.append(f"{RESULT}{part.text}")  # not shown, so that no clearing takes it away
                    continue
                if not isinstance(part, CellFinished):
                    placed = part if isinstance(part, Redrawn) else Redrawn(part)
                    hinted = _with_hint(placed.part)
                    call.show(hinted, display=placed.display, clears=placed.clears)
                    shown.add(hinted, display=placed.display, clears=placed.clears)
                    continue
                told += [*map(_told, shown.parts), *results]
                if part.message:
                    told.append(part.message)
                sentence = missing_font(part.unshown, call.context.language)
                if sentence and not self._font_told:  # once in a run
                    self._font_told = True
                    call.context.printer.note(sentence, warning=True)
                    told.append(sentence)
                if part.status in ("timeout", "died"):
                    call.show(ErrorPart(name=part.status, message=part.message))
        return told

    async def close(self) -> None:
        """End the kernel and every process of it, unless the session goes on with somebody else."""
        if self._owned:
            await self._runner.close()


def missing_font(unshown: str, language: Language) -> str:
    """That charts show boxes for want of a font, and which package brings one; nothing if none is wanting.

    Args:
        unshown: The characters that charts lack, see `CellFinished`.
        language: The language of the sentence.
    """
    characters = "".join(re.findall(_CJK, unshown))[:NAMED_CHARACTERS]
    return NO_FONT[language].format(characters=characters) if characters else ""


@asynccontextmanager
async def _watching(call: Call) -> AsyncIterator[None]:
    """Report files as they appear while a cell runs."""
    ended = asyncio.Event()

    async def watch() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), WATCH_S)
                return
            await _report_files(call.context, call.call_id)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        ended.set()
        await watcher  # not cancelled: a file that was found is only reported once


async def _report_files(context: RunContext, call_id: str) -> list[str]:
    found = await asyncio.to_thread(context.workspace.changed)
    for file in found:
        context.printer.emit(FileCreated(call_id=call_id, file=file))
    return [file.name for file in found]


def _with_hint(part: Part) -> Part:
    """A failed import of a library that an extra brings, with what to install; any other part as it is."""
    hint = hint_for_import(part.name, part.message) if isinstance(part, ErrorPart) else ""
    if not hint or not isinstance(part, ErrorPart):
        return part
    traceback = f"{part.traceback.rstrip()}\n{hint}" if part.traceback else ""
    return ErrorPart(name=part.name, message=f"{part.message} {hint}", traceback=traceback)


def _told(part: Part) -> str:
    """What the model is told of a part."""
    match part:
        case StreamPart():
            return plain(part.text)
        case TablePart():
            return table_text(part)
        case ImagePart():
            return "[image: a chart, shown to the person]"
        case DocumentPart(media_type="text/html"):
            return re.sub(r"<[^<>]*>", " ", cut_middle(part.text, 4 * TOLD_CHARACTERS))
        case DocumentPart():
            return part.text
        case ErrorPart():
            return part.traceback or f"{part.name}: {part.message}"
        case CodePart():
            return part.code
        case SearchPart() | ProgressPart():
            return ""
        case _:
            assert_never(part)
