"""Patience: how long a model is waited for, and whether and when it is asked again.

Above: `openai`. Below: `errors`.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from genie_nb.errors import ModelError

__all__ = ("Patience", "why_again")


@dataclass(frozen=True)
class Patience:
    """How long a model is waited for.

    Attributes:
        connect_s: Seconds until a connection must stand.
        reply_s: Seconds after the question until an answer must begin.
        idle_s: Seconds that an answer may be silent; keep-alives do not count as speech.
        longest_wait_s: Seconds to wait at most because a server asks for it; more is an error at once.
        sleep: Waits so many seconds.
        now: Seconds since the epoch.
        chance: A number from 0 to 1, for the jitter between tries.
    """

    connect_s: float = 10.0
    reply_s: float = 120.0
    idle_s: float = 120.0
    longest_wait_s: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random

    def retry_after_s(self, headers: Mapping[str, str]) -> float | None:
        """Seconds that an answer asks to wait, given there as a number or as a date."""
        value = headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
            return float(value)
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self.now())
        except ValueError:
            return None

    def wait_s(self, error: ModelError, *, attempt: int, retry_after_s: float | None) -> float | None:
        """Seconds until the next try after a failed one, or None if there should be none.

        Full jitter, as in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        tries, _ = _AGAIN.get(error.kind, (1, ""))
        asked_s = retry_after_s or 0.0
        if attempt >= tries or asked_s > self.longest_wait_s:
            return None
        return max(asked_s, self.chance() * 2.0 ** (attempt - 1))


# Tries in all, and the reason that the person reads while waiting. What is not here fails in the same way each time.
_AGAIN = {
    "rate_limit": (4, "takes no more requests for now"),
    "overloaded": (4, "cannot answer for now"),
    "server": (4, "failed on its own side"),
    "timeout": (2, "gave no answer in time"),
    "unreachable": (2, "could not be reached"),
    "truncated": (2, "broke off before its first word"),
}


def why_again(error: ModelError, host: str) -> str:
    """Why the model is asked again, in a few words."""
    return f"{host} {_AGAIN[error.kind][1]}"
