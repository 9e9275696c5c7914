"""Leaving: what is done for a request stops when whoever made it has left.

Above: the route tables, `gateway`. Below: nothing of ours.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

__all__ = ("left", "while_asked")

T = TypeVar("T")


async def left(receive: Receive) -> None:
    """Wait until the reader has gone; the request's body was read before."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def while_asked(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What comes of this work; it is cancelled if the reader leaves before its end.

    Raises:
        ClientDisconnect: The reader has left.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})
