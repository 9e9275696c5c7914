"""What runs code: one session with a memory, fed cell by cell.

Above: `tools/code_interpreter`. Below: `parts`, `errors`. The real one is `runner.py`, on a kernel of `kernel.py`.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from genie_nb.parts import Part

__all__ = ("CellFinished", "CodeRunner", "Output", "Redrawn", "ResultForModel")


@dataclass(frozen=True)
class CellFinished:
    """How a cell ended.

    Attributes:
        status: `ok`; `error` (the code raised); `timeout` (it was stopped at its limit); `died` (its process is gone).
        message: For every status but `ok`, one sentence for the model: what happened, and what of the state is left.
        state_lost: Whether the variables of earlier cells are gone.
        unshown: Characters that its charts show as boxes, as no font on the machine has them.
    """

    status: Literal["ok", "error", "timeout", "died"]
    message: str = ""
    state_lost: bool = False
    unshown: str = ""


@dataclass(frozen=True)
class ResultForModel:
    """What a cell hands back to the model that wrote it (`RESULT_TYPE`); shown to nobody.

    Attributes:
        text: JSON.
    """

    text: str


@dataclass(frozen=True)
class Redrawn:
    """A part that takes the place of others; see `ToolOutput`."""

    part: Part
    display: str = ""
    clears: bool = False


Output = Part | Redrawn | ResultForModel
"""What a cell shows or hands back."""


class CodeRunner(Protocol):
    """Runs cells one after another; a second `run` waits for the first."""

    def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Output | CellFinished, None]:
        """Run one cell.

        Args:
            code: Python as IPython takes it.
            timeout_s: Seconds of wall clock before the cell is stopped.

        Yields:
            What the cell shows, as it comes, then exactly one `CellFinished`, always the last.

        Raises:
            InterpreterFailed: No kernel could be started.
        """
        ...

    async def close(self) -> None:
        """End the session and every process of it; safe to call twice, at any time."""
        ...
