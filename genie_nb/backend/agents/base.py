"""What an agent is: it works on one run's question until there is an answer.

Below: `context`, `tools`, `models`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.models.sections import section
from genie_nb.backend.tools.base import ToolBox
from genie_nb.parts import FileRef

__all__ = ("Agent", "Answer", "at_hand", "files_named")


@dataclass(frozen=True)
class Answer:
    """What a run gives back: the answer as Markdown, and the files worth keeping."""

    text: str
    files: tuple[FileRef, ...] = ()


class Agent(Protocol):
    """Works on a question."""

    async def run(self, model: ChatModel, tools: ToolBox, context: RunContext) -> Answer:
        """Work until there is an answer.

        Raises:
            RunError: The run cannot go on.
            ModelError: The model failed.
        """
        ...


def at_hand(context: RunContext) -> str:
    """What a model is told beside the question: the inputs, and what was said before, as sections."""
    inputs = section("inputs", context.inputs)
    return f"{inputs}\n{section('conversation', context.conversation)}" if context.conversation else inputs


def files_named(names: Sequence[str], context: RunContext) -> tuple[FileRef, ...]:
    """The files of the run that have these names, in this order; other names are passed over."""
    files = context.printer.transcript.files
    return tuple(files[name] for name in dict.fromkeys(names) if name in files)
