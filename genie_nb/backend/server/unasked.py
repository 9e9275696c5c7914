"""Calls that come where nobody can be asked: over MCP, and in JDGenie's dialects, which know no question.

The person's rules count there as anywhere. What a rule allows is done; where a person would have to be asked, the call is
refused, at once and in words.

Above: `host`, `offer`, the route tables. Below: `approvals`, `run_handle`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from genie_nb.backend.approvals import FORBIDDEN, Approvals, Question
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.settings import ApprovalRule
from genie_nb.errors import CallDenied, RequestError
from genie_nb.events import ApprovalRequested

__all__ = ("NOBODY_IN_JDGENIE", "NOBODY_OVER_MCP", "check_unasked", "refuse_questions")

_NOBODY = "A person must allow this call, and {road} nobody can be asked. Do without it, or say that it is needed."
NOBODY_OVER_MCP = _NOBODY.format(road="over MCP")
NOBODY_IN_JDGENIE = _NOBODY.format(road="in JDGenie's protocol")


def check_unasked(
    rules: Sequence[ApprovalRule], tool: str, arguments: dict[str, Any], *, nobody: str, asks: bool = False
) -> None:
    """Let a call pass that no run makes, if the person's rules allow it without a question.

    Args:
        rules: The person's rules.
        tool: The tool's name, as agents know it.
        arguments: What it is called with.
        nobody: Why nobody can be asked.
        asks: Whether the tool is marked to ask before each call.

    Raises:
        CallDenied: A rule forbids it, or a person would have to be asked.
    """
    match Approvals(rules).rule_for(Question("", tool, arguments, asks)):
        case "refuse":
            raise CallDenied(FORBIDDEN.format(tool=tool))
        case "ask":
            raise CallDenied(nobody)


async def refuse_questions(run: RunHandle, nobody: str) -> None:
    """Refuse every call of a run that a person would have to allow, up to the run's end."""
    async for event in run.events():
        if isinstance(event, ApprovalRequested):
            with suppress(RequestError):  # somebody who follows the run elsewhere was quicker
                await run.decide(event.call_id, "refused", reason=nobody, by="server")
