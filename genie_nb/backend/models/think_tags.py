"""`<think>` tags: thinking that a model writes into its text, told apart from its reply.

Above: `chat_stream`. Below: `base`.
"""

from collections.abc import Iterator
from typing import Literal

from genie_nb.backend.models.base import Reasoning, Text

__all__ = ("ThinkSplitter",)

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Splits a reply's text, delta by delta, into thinking and reply.

    An opening tag counts only where the reply begins, so that a reply may speak of the tag. A closing tag without an opening
    one comes from chat templates that put `<think>` into the prompt: what has not been given out before it is thinking, the
    tag itself is never shown.
    """

    def __init__(self) -> None:
        self._held = ""
        self._place: Literal["start", "thinking", "unmarked", "reply"] = "start"
        self._text_given = False
        self._reply_begun = False

    def feed(self, text: str) -> Iterator[Text | Reasoning]:
        """Split the next delta.

        Yields:
            Its pieces; what may be the beginning of a tag is held back.
        """
        self._held += text
        if self._place == "start":
            self._look_for_opening()
        if self._place in ("thinking", "unmarked"):
            yield from self._look_for_closing()
        if self._place == "reply":
            yield from self._reply()

    def flush(self) -> Iterator[Text | Reasoning]:
        """Stop waiting for a tag.

        Yields:
            What was held back, if anything.
        """
        held, self._held = self._held, ""
        if held and self._place == "thinking":
            yield Reasoning(held)
        elif held:
            yield Text(held)

    def _look_for_opening(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(_OPEN):
            self._place, self._held = "thinking", begun.removeprefix(_OPEN)
        elif not _OPEN.startswith(begun):
            self._place = "unmarked"

    def _look_for_closing(self) -> Iterator[Text | Reasoning]:
        before, tag, after = self._held.partition(_CLOSE)
        if not tag:
            before, after = _part_from_tag_beginning(before)
        self._held = after
        thinking = self._place == "thinking" or (tag and not self._text_given)
        if before and thinking:
            yield Reasoning(before)
        elif before:
            self._text_given = True
            yield Text(before)
        if tag:
            self._place = "reply"

    def _reply(self) -> Iterator[Text]:
        text, self._held = self._held, ""
        if not self._reply_begun:
            text = text.lstrip()
            # Thoughts that were shown as text before their closing tag came are a paragraph of their own.
            text = f"\n\n{text}" if text and self._text_given else text
        if text:
            self._reply_begun = True
            yield Text(text)


def _part_from_tag_beginning(text: str) -> tuple[str, str]:
    for length in range(min(len(_CLOSE) - 1, len(text)), 0, -1):
        if text.endswith(_CLOSE[:length]):
            return text[:-length], text[-length:]
    return text, ""
