"""A model and tools of somebody's own, in a module: what a server in a process of its own can import."""

from collections.abc import Sequence

import genie_nb as gn


def doubled(number: int) -> int:
    """Twice a number."""
    return 2 * number


@gn.tool(name="tripled", timeout_s=7)
def three_times(number: int) -> int:
    """Three times a number."""
    return 3 * number


halved = gn.tool(name="halved", asks=True)(lambda number: number / 2)


def script(messages: Sequence[object], tools: Sequence[object]) -> gn.Say:
    """Calls each tool, then says what they said."""
    if len(messages) <= 2:
        return gn.Say(calls=[("doubled", {"number": 21}), ("tripled", {"number": 5})])
    return gn.Say(" ".join(getattr(message, "content", "") for message in messages[-2:]))


@gn.tool(name="print")
def printed(text: str) -> str:
    """Prints a text, to standard output."""
    print(text, "printed there", flush=True)
    return "printed"
