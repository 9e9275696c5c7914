"""History: what a model has been told and has answered in one task, kept within the model's length.

Tokens are estimated and the estimate is corrected by what the model counts. Trimming shortens old tool output first, then
drops the oldest steps; the task itself is never touched.

Below: `models/base`, `errors`.
"""

import dataclasses

from genie_nb.backend.models.base import ChatMessage
from genie_nb.backend.models.sections import cut_middle
from genie_nb.errors import TokenLimit

__all__ = ("History", "estimate_tokens")

REPLY_SHARE = 0.8
"""The share of the model's length that the conversation may fill; the rest is for the reply."""
KEPT_OUTPUT = 600
"""How many characters of a trimmed tool output stay at each end."""
WORTH_TRIMMING = 1_500
"""Tool output of so many characters at most is left whole; so is what was trimmed once."""
MESSAGE_TOKENS = 4
"""What a message costs beside its text."""


class History:
    """The conversation of one task with one model."""

    def __init__(self, *messages: ChatMessage, context_tokens: int) -> None:
        self.messages = list(messages)
        self._task = len(messages)
        self._limit = int(context_tokens * REPLY_SHARE)
        self._correction = 1.0

    def add(self, *messages: ChatMessage) -> None:
        """Go on with the conversation."""
        self.messages.extend(messages)

    @property
    def tokens(self) -> int:
        """About how many tokens the conversation has."""
        return int(self._correction * sum(map(_estimate, self.messages)))

    def counted(self, input_tokens: int) -> None:
        """Learn from what the model counted for the conversation as it stands."""
        estimated = sum(map(_estimate, self.messages))
        if input_tokens > 0 and estimated > 0:
            self._correction = input_tokens / estimated

    def trim(self) -> None:
        """Make the conversation fit.

        Raises:
            TokenLimit: The task alone is too long.
        """
        for shorten in (self._shorten_output, self._drop_step):
            while self.tokens > self._limit and shorten():
                pass
        if self.tokens > self._limit:
            longest = max(self.messages, key=_estimate)
            raise TokenLimit(
                f"The conversation has about {self.tokens:,} tokens and the model takes {self._limit:,}; the longest part "
                f"is a message of the {longest.role} with about {_estimate(longest):,}. "
                "Ask about less, or set context_tokens to what the model really takes."
            )

    def _shorten_output(self) -> bool:
        for at in range(self._task, len(self.messages) - 1):
            message = self.messages[at]
            if message.role == "tool" and len(message.content) > WORTH_TRIMMING:
                self.messages[at] = dataclasses.replace(message, content=cut_middle(message.content, 2 * KEPT_OUTPUT))
                return True
        return False

    def _drop_step(self) -> bool:
        """Drop the oldest reply with its tool results, unless it is the latest."""
        starts = [at for at in range(self._task, len(self.messages)) if self.messages[at].role != "tool"]
        if len(starts) < 2:
            return False
        del self.messages[starts[0] : starts[1]]
        return True


def _estimate(message: ChatMessage) -> int:
    text = message.content + message.reasoning + "".join(call.arguments for call in message.tool_calls)
    return MESSAGE_TOKENS + estimate_tokens(text)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: one for four ASCII letters, one for any other letter."""
    ascii_letters = len(text.encode("ascii", errors="ignore"))
    return ascii_letters // 4 + (len(text) - ascii_letters)
