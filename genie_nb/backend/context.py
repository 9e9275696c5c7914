"""What one run's agents and tools know of it: `RunContext`. It knows no tools and no agents.

Below: `approvals`, `printer`, `workspace`, `settings`.
"""

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Literal

from genie_nb.backend.approvals import Approvals
from genie_nb.backend.printer import Printer
from genie_nb.backend.settings import Settings
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import StepLimit
from genie_nb.events import StepStarted

__all__ = ("Language", "RunContext", "StepBudget", "language_of")

Language = Literal["en", "zh"]
_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


def language_of(text: str) -> Language:
    """The language to answer in: Chinese if the text holds a Chinese character, else English."""
    return "zh" if _CJK.search(text) else "en"


class StepBudget:
    """How many more times a run may ask its model, over all its tasks."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.left = steps

    def take(self) -> int:
        """Use one step; returns its number.

        Raises:
            StepLimit: There is none left.
        """
        if self.left == 0:
            raise StepLimit(
                f"The run stopped at its limit of {self.steps} steps before it had an answer. "
                "Ask something smaller, or raise max_steps."
            )
        self.left -= 1
        return self.steps - self.left


@dataclass(frozen=True)
class RunContext:
    """One run, as its agents and tools see it.

    Attributes:
        inputs: The files and tables at hand, one JSON object a line (see `inputs`).
        approvals: Who is asked before calls that need it.
        playbook: A procedure that fits the question, as Markdown; empty for none.
        conversation: Earlier questions and their answers, one JSON object a line (see `conversation`).
    """

    query: str
    inputs: str
    printer: Printer
    workspace: Workspace
    settings: Settings
    budget: StepBudget
    approvals: Approvals = field(default_factory=Approvals)
    conversation: str = ""
    playbook: str = ""

    @property
    def language(self) -> Language:
        """The language of the question."""
        return language_of(self.query)

    def for_task(self, task_id: str | None, assignee: str) -> "RunContext":
        """The same run, as whoever works on a task sees it."""
        return dataclasses.replace(self, printer=self.printer.for_task(task_id, assignee))

    def take_step(self) -> None:
        """Use one step of the run, and say so.

        Raises:
            StepLimit: There is none left.
        """
        self.printer.emit(StepStarted(step=self.budget.take(), agent=self.printer.assignee))
