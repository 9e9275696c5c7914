"""Questions at a prompt: may this call run? Where nobody sits at a terminal, the answer is no, at once.

Above: `cli`. Below: `controls`, `events`, `errors`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from genie_nb.controls import show_line
from genie_nb.errors import RequestError
from genie_nb.events import ApprovalRequested, RunEvent

__all__ = ("answer_questions", "at_prompt", "no_prompt")

NOBODY = "Nobody could be asked: there is no terminal. Run it at one, or set a rule in `approval`."


class Asked(Protocol):
    """What is needed of a run whose questions are answered."""

    def allow(self, call_id: str, *, always: bool = False) -> None:
        """Allow a call that waits."""
        ...

    def refuse(self, call_id: str, reason: str = "") -> None:
        """Refuse a call that waits."""
        ...


Answer = Callable[[Asked, ApprovalRequested], Awaitable[None]]


async def answer_questions(run: Asked, events: AsyncIterator[RunEvent], answer: Answer) -> AsyncIterator[RunEvent]:
    """The events as they come; each question is answered when the one who reads them has seen it."""
    async for event in events:
        yield event
        if isinstance(event, ApprovalRequested):
            try:
                await answer(run, event)
            except RequestError:  # somebody else answered, or its time was over
                continue


async def no_prompt(run: Asked, question: ApprovalRequested) -> None:
    """Refuse, with the reason."""
    await asyncio.to_thread(run.refuse, question.call_id, NOBODY)


async def at_prompt(run: Asked, question: ApprovalRequested) -> None:
    """Ask the person at the terminal."""
    print(f"Allow {show_line(question.tool)}? [y]es, [a]lways, or a reason why not: ", end="", flush=True)
    said = (await _line()).strip()
    match said.lower():
        case "y" | "yes" | "a" | "always":
            await asyncio.to_thread(run.allow, question.call_id, always=said.lower().startswith("a"))
        case "n" | "no" | "":
            await asyncio.to_thread(run.refuse, question.call_id)
        case _:
            await asyncio.to_thread(run.refuse, question.call_id, said)


async def _line() -> str:
    """A line of the terminal; waiting for it can be interrupted."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
