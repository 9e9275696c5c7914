"""Work for a request: to its end, or to the moment when whoever asked leaves."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from genie_nb.backend.server.leaving import while_asked
from tests.fakes import run


def test_work_goes_on_until_its_end_or_its_failure() -> None:
    async def stays() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def works(*, fails: bool) -> int:
        await asyncio.sleep(0)
        if fails:
            raise ZeroDivisionError
        return 42

    assert run(while_asked(stays, works(fails=False))) == 42
    with pytest.raises(ZeroDivisionError):
        run(while_asked(stays, works(fails=True)))


def test_work_that_nobody_waits_for_is_cancelled() -> None:
    ended = []

    async def leaves() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(ClientDisconnect):
        run(while_asked(leaves, works()))
    assert ended
