"""How much a server may send: bytes in one message, bytes and messages for one question.

A server is not trusted: an answer of 400 MB of spaces, a compressed one, or progress without end would fill this process
or keep its loop busy. Whatever is too much ends the session, with one sentence that says why.

Above: `sessions`, `child`. Below: `errors`.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

from genie_nb.errors import LinkError

__all__ = ("MOST_BYTES", "Bounds")

MOST_BYTES = 8 * 2**20
"""Bytes of one message."""
FLOOD_BYTES = 64 * 2**20
FLOOD_MESSAGES = 10_000
"""So much may come for one question."""


class Bounds:
    """What one session may still receive until it is asked again.

    Args:
        there: How a sentence about the server begins.
        give_up: Called once, with the sentence.
    """

    def __init__(self, there: str, give_up: Callable[[str], None]) -> None:
        self._there, self._give_up = there, give_up
        self._bytes = self._messages = 0

    def asked(self) -> None:
        """A question was asked: the count begins anew."""
        self._bytes = self._messages = 0

    def take(self, size: int, messages: int = 1) -> None:
        """Count what came.

        Raises:
            LinkError: It is too much.
        """
        self._bytes += size
        self._messages += messages
        if self._bytes > FLOOD_BYTES or self._messages > FLOOD_MESSAGES:
            raise self.refusal("floods: it sent more than a call may bring, so its connection was closed.")

    def refusal(self, why: str) -> LinkError:
        """Give the server up; the error to raise."""
        sentence = f"{self._there} {why}"
        self._give_up(sentence)
        return LinkError(sentence)

    def too_large(self) -> LinkError:
        """Give the server up for the size of one message."""
        return self.refusal(f"sent a message of more than {MOST_BYTES // 2**20} MiB, so its connection was closed.")

    # Hooks of an httpx2 client

    async def before(self, request: Any) -> None:
        """A request goes out."""
        if request.method == "POST":
            self.asked()

    async def after(self, response: Any) -> None:
        """An answer's head is there; its body has not been read."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise self.refusal("compresses its answers although it was told not to.")
        stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        response.stream = _bounded(response.stream, self, whole=not stream)


def _bounded(body: Any, bounds: Bounds, *, whole: bool) -> Any:
    """The body of a response, cut where it becomes too much; `whole` if it is one message."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for piece in body:
                read += len(piece)
                if whole and read > MOST_BYTES:
                    raise bounds.too_large()
                bounds.take(len(piece), piece.count(b"data:"))
                yield piece

        async def aclose(self) -> None:
            await body.aclose()

    return Bounded()
