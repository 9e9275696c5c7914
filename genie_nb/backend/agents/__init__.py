"""Agents by name.

Above: `runs`. Below: everything that they use: `loop`, `tools`, `models`, `context`.
"""

from genie_nb.backend.agents.base import Agent, Answer
from genie_nb.backend.agents.plan_solve import PlanSolve
from genie_nb.backend.agents.react import React
from genie_nb.backend.agents.reporter import Reporter
from genie_nb.backend.agents.search import Search
from genie_nb.errors import SettingsError

__all__ = ("AGENTS", "Agent", "Answer", "create_agent")

AGENTS: dict[str, type[Agent]] = {"plan_solve": PlanSolve, "react": React, "report": Reporter, "search": Search}


def create_agent(name: str) -> Agent:
    """The agent of that name.

    Raises:
        SettingsError: There is none.
    """
    if name not in AGENTS:
        raise SettingsError(f"There is no agent {name!r}. There are: {', '.join(AGENTS)}.")
    return AGENTS[name]()
