"""A conversation: questions that follow one another, in one folder and with one Python session.

Each question knows what was asked, answered and made before; the oldest turns are left out when they no longer fit. One
question is worked on at a time; the next one waits and says so.

Above: `runs`, `session`, `server.sessions`. Below: `preparing`, `history`, `printer`, `interpreter`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genie_nb.backend.history import estimate_tokens
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.backend.models.sections import cut_middle
from genie_nb.backend.preparing import Prepared, add_inputs, prepare, reopened
from genie_nb.backend.printer import Printer
from genie_nb.events import RunQueued
from genie_nb.parts import CodePart
from genie_nb.transcript import Transcript

__all__ = ("Conversation", "Turn")

ANSWER_CHARACTERS, CODE_CHARACTERS = 6_000, 3_000
"""How much of one answer, and of one turn's code, a later question is told."""


@dataclass
class Turn:
    """One question and what came of it.

    Attributes:
        files: Names of the files that were made.
        code: The cells that ran without an error, as one text.
    """

    question: str
    answer: str = ""
    failed: str = ""
    files: tuple[str, ...] = ()
    code: str = ""

    @classmethod
    def of(cls, query: str, transcript: Transcript) -> "Turn":
        """What came of a run that has ended."""
        return cls(query, transcript.answer, transcript.error, tuple(transcript.files), code_of(transcript))

    def line(self) -> str:
        """The turn as one JSON object on one line, as models read it."""
        told = {
            "question": self.question,
            "answer": cut_middle(self.answer, ANSWER_CHARACTERS),
            "failed": self.failed,
            "files": list(self.files),
            "code": cut_middle(self.code, CODE_CHARACTERS),
        }
        return json.dumps({name: value for name, value in told.items() if value}, ensure_ascii=False)


@dataclass
class Conversation:
    """What the questions of one conversation share; lives on the backend's loop.

    Attributes:
        folder: Where its files lie.
        allowed: Tools that the person always allows.
        turns: What was said, the oldest first.
        interpreter: Its Python session, once code was run.
    """

    folder: Path
    allowed: set[str] = field(default_factory=set)
    turns: list[Turn] = field(default_factory=list)
    prepared: Prepared | None = None
    interpreter: Interpreter | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0

    @asynccontextmanager
    async def turn(self, query: str, printer: Printer) -> AsyncIterator[Turn]:
        """Wait until it is this question's turn; what came of it is remembered in the end."""
        if self._one_at_a_time.locked():
            printer.emit(RunQueued(place=self._waiting + 1))
        self._waiting += 1
        try:
            await self._one_at_a_time.acquire()
        finally:
            self._waiting -= 1
        turn = Turn(query)
        try:
            yield turn
        finally:
            turn.failed = "" if turn.answer else "It was stopped, or failed, before it was answered."
            turn.files, turn.code = tuple(printer.transcript.files), code_of(printer.transcript)
            self.turns.append(turn)
            self._one_at_a_time.release()

    def interpreter_of(self, pool: KernelPool, prepared: Prepared) -> Interpreter:
        """Its Python session, with the inputs that were brought since."""
        if self.interpreter is None:
            self.interpreter = Interpreter(pool, folder=prepared.workspace.folder, preamble=prepared.preamble)
        else:
            self.interpreter.add_preamble(prepared.preamble)
        return self.interpreter

    async def close(self) -> None:
        """End its Python session; a later question begins a new one, in the same folder."""
        if self.interpreter is not None:
            await self.interpreter.close()

    async def prepare(self, files: Iterable[str | Path], tables: Mapping[str, Any]) -> Prepared:
        """The conversation's folder, with these inputs added; only they are among `files`.

        Raises:
            RequestError: An input cannot be used, or the folder cannot be made.
        """
        if self.prepared is None:
            self.prepared = await prepare(files, tables, self.folder)
        else:
            self.prepared = await add_inputs(self.prepared, files, tables)
        return self.prepared

    def reopen(self, folder: Path, inputs: Iterable[str]) -> None:
        """Go on in a folder of an earlier process, with those of these inputs that are still there; reads the disk.

        A link to another folder is not followed; the conversation then goes on in a new folder.
        """
        if folder.is_symlink():
            return
        self.folder = folder
        if folder.is_dir():
            self.prepared = reopened(folder, inputs)

    def told(self, most_tokens: int) -> str:
        """The turns as models read them, one JSON object a line, the oldest left out beyond so many tokens."""
        lines: list[str] = []
        for turn in reversed(self.turns):
            most_tokens -= estimate_tokens(turn.line())
            if most_tokens < 0:
                break
            lines.append(turn.line())
        return "\n".join(reversed(lines))


def code_of(transcript: Transcript) -> str:
    """The code of a run that ran without an error."""
    calls = (call for call in transcript.calls.values() if call.status == "ok" and "Traceback" not in call.output)
    return "\n\n".join(part.code for call in calls for part in call.parts if isinstance(part, CodePart))
