"""A link: the states of one reader's connection to a server, where it stands, and how long it is waited for.

Above: `client`. Below: `wire.native`.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from genie_nb.backend.wire.native import FrameId

__all__ = ("LINK", "LONGEST_BEAT_S", "REFUSED", "SHORTEST_BEAT_S", "Broken", "LinkPatience", "LinkPlace", "LinkState")

LinkState = Literal["closed", "opening", "open", "lost"]
LINK: dict[LinkState, dict[str, LinkState]] = {
    "closed": {"open": "opening"},
    "opening": {"accepted": "open", "refused": "lost"},
    "open": {"silence": "lost", "break": "lost", "done": "closed"},
    "lost": {"retry": "opening", "give_up": "closed"},
}
"""State → trigger → state; an absent trigger is a mistake of ours."""
REFUSED = {400, 401, 403, 404, 405, 410, 413, 415, 421, 422}
"""What will not become better by asking again."""
SHORTEST_BEAT_S, LONGEST_BEAT_S = 0.1, 300.0
"""What a server may call its heartbeat: a shorter one would break every link, a longer one would hold a dead link."""


@dataclass(frozen=True)
class LinkPatience:
    """How a link is held, in seconds.

    Attributes:
        connect_s: Until a connection must stand and its answer begin.
        answer_s: Until a whole answer must be there that is no stream and no file.
        silent_heartbeats: So many heartbeats may be missed before the link counts as lost.
        first_s: The wait before the first new try is up to this; it doubles with each one.
        longest_s: No wait is longer.
        tries: So many tries in a row may fail.
    """

    connect_s: float = 10.0
    answer_s: float = 30.0
    silent_heartbeats: float = 2.5
    first_s: float = 0.5
    longest_s: float = 30.0
    tries: int = 12
    sleep: Callable[[float], Any] = asyncio.sleep
    chance: Callable[[], float] = random.random


@dataclass
class LinkPlace:
    """Where a reader stands.

    Attributes:
        last: The id of the last event that it has.
        opened: How many connections there were.
        beats: How many heartbeats came.
    """

    run_id: str
    last: FrameId | None = None
    retry_s: float = 0.0
    heartbeat_s: float = 10.0
    opened: int = 0
    ended: bool = False
    state: LinkState = "closed"
    beats: int = 0

    def move(self, trigger: str) -> None:
        """Go on to the next state."""
        self.state = LINK[self.state][trigger]

    def broke(self) -> None:
        """The connection broke, or was never made."""
        self.move("refused" if self.state == "opening" else "break")


class Broken(Exception):
    """The link broke; says how, and when to try again at the soonest."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
