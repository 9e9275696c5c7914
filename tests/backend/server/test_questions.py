"""Questions over the network: asked in the stream, answered by a request, once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from genie_nb import events as ev
from genie_nb.backend.runs import Run
from genie_nb.errors import LinkError
from tests.backend.test_approvals import model, transfer
from tests.fakes import collect, fold, of_kind, run
from tests.hosting import Hosting, run_events


async def question(a_run: Run) -> str:
    """The id of the call that waits, once it does."""
    async for event in a_run.events():
        if isinstance(event, ev.ApprovalRequested):
            return event.call_id
    raise AssertionError("nothing was asked")


def test_a_question_is_answered_over_the_network_once(make_run: Callable[..., Run], tmp_path: Path) -> None:
    async def main() -> None:
        hosting = Hosting(tmp_path / "server")
        a_run = make_run(model(), transfer)
        hosting.keep(a_run)
        client = hosting.client()
        following = asyncio.create_task(collect(client.events(a_run.run_id)))
        a_run.start()
        call_id = await question(a_run)
        assert [asked["call_id"] for asked in (await client.look(a_run.run_id))["questions"]] == [call_id]
        with pytest.raises(LinkError, match="No call 'c99' waits"):
            await client.decide(a_run.run_id, "c99", verdict="once")
        with pytest.raises(LinkError, match="422"):
            await client.decide(a_run.run_id, call_id, verdict="timeout")
        with pytest.raises(LinkError, match="not valid JSON"):
            await client.decide(a_run.run_id, call_id, verdict="once", arguments="{")
        await client.decide(a_run.run_id, call_id, verdict="refused", reason="太多")
        with pytest.raises(LinkError, match="409"):
            await client.decide(a_run.run_id, call_id, verdict="once")
        (given,) = of_kind(run_events(await following), ev.ApprovalGiven)
        assert (given.verdict, given.by, given.reason) == ("refused", "client", "太多")
        await hosting.close()

    run(main())


def test_a_reader_who_comes_back_finds_the_question_and_answers_it(make_run: Callable[..., Run], tmp_path: Path) -> None:
    async def main() -> None:
        hosting = Hosting(tmp_path / "server")
        a_run = make_run(model(), transfer)
        hosting.keep(a_run)
        a_run.start()
        await question(a_run)
        hosting.bridge.cut_after = iter([400, 900, *[None] * 50]).__next__
        seen = []
        async for event in hosting.client(tries=20).events(a_run.run_id):
            seen.append(event)
            if isinstance(event, ev.ApprovalRequested):
                await hosting.client().decide(a_run.run_id, event.call_id, verdict="once", arguments='{"amount": 2}')
        assert fold(run_events(seen)) == a_run.transcript
        assert "sent 2" in next(iter(a_run.transcript.calls.values())).output
        await hosting.close()

    run(main())
