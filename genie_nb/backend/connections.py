"""Connections to a server, kept for each event loop that asks over them: a connection belongs to the loop that made it.

A run is followed on the backend's loop; whoever uses its client in a cell, or under `asyncio.run`, is on another one.

Above: `client`. Knows httpx.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

import httpx

__all__ = ("Connections",)


class Connections:
    """One httpx client for each loop, closed with it, with `close`, or when nobody has this any more."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        """None yet.

        Args:
            make: Makes a client.
        """
        self._make = make
        # A loop ends the asynchronous generators that were begun on it before it closes, and ends one that nobody holds any
        # more from within itself. Nothing else tells of a loop's end, so each client is held open by such a generator.
        self._open: dict[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[httpx.AsyncClient, None]]] = {}

    async def here(self) -> httpx.AsyncClient:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            for other in tuple(self._open):
                if other.is_closed():
                    self._open.pop(other, None)
            holding = _held(self._make())
            self._open[loop] = await anext(holding), holding
        return self._open[loop][0]

    async def close(self) -> None:
        """Close those of this loop; those of others are closed by their loops as soon as they can."""
        own = self._open.pop(asyncio.get_running_loop(), None)
        self._open.clear()
        if own is not None:
            await own[1].aclose()


async def _held(http: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient, None]:
    try:
        yield http
    finally:
        await http.aclose()
