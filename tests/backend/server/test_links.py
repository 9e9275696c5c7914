"""Links to a server: opened, resumed, refused, silent, too slow, closed. Real application, no network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import Retention
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.backend.wire.native import FrameId, read_frame
from genie_nb.errors import LinkError
from tests.fakes import collect, fold
from tests.hosting import Fed, Hosting, run_events
from tests.virtual_time import run_virtual
from tests.widgets.sample_runs import sample_run

TOKEN = {"authorization": "Bearer secret"}
END = ev.RunFinished(output="done")


def hosted(test: Callable[[Hosting], Awaitable[None]], folder: Path, **server: Any) -> None:
    async def main() -> None:
        hosting = Hosting(folder, **server)
        try:
            await test(hosting)
        finally:
            await hosting.close()
            assert not hosting.host.links.open

    run_virtual(main())


@asynccontextmanager
async def opened(hosting: Hosting, path: str, **headers: str) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(transport=hosting.bridge, base_url="http://127.0.0.1", headers=TOKEN | headers) as http,
        http.stream("GET", path) as answer,
    ):
        yield answer


async def received(answer: httpx.Response, until: Callable[[bytes], bool] = lambda got: False) -> bytes:
    got = b""
    async for piece in answer.aiter_raw():
        got += piece
        if until(got):
            break
    return got


def events_in(stream: bytes) -> list[ev.RunEvent]:
    return [event for frame in FrameDecoder().feed(stream) for event in read_frame(frame).events]


def test_a_stream_says_what_it_is_and_when_to_expect_a_heartbeat(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        hosting.keep(Fed(sample_run()))
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache, no-transform"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["x-genie-heartbeat"] == "7"
            assert "content-length" not in answer.headers
            stream = await received(answer)
        assert len(events_in(stream)) == len(sample_run())

    hosted(test, tmp_path, heartbeat_s=7)


def test_a_reader_resumes_after_what_it_has_and_is_told_when_there_is_no_more(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run())
        hosting.keep(fed)
        last = FrameId("run1", fed.channel.epoch, len(fed.channel))
        for place in (f"?after={last.seq - 2}", f"?after={last._replace(seq=last.seq - 2)}"):
            async with opened(hosting, f"/v1/runs/run1/events{place}") as answer:
                assert [event.seq for event in events_in(await received(answer))] == [last.seq - 1, last.seq]
        async with opened(hosting, "/v1/runs/run1/events", **{"last-event-id": str(last)}) as answer:
            assert answer.status_code == 204

    hosted(test, tmp_path)


@pytest.mark.parametrize(
    "place",
    [
        "run1.deadbeef.3",
        "other.{epoch}.3",
        "run1.{epoch}.9999",
        "nonsense",
        "-1",
        "run1.{epoch}",
        "9" * 5000,
        "\u00b2",
        "run1.{epoch}.\u00b2",
    ],
)
def test_a_place_that_is_not_in_this_log_gets_a_snapshot_and_the_tail(place: str, tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:20])
        hosting.keep(fed)
        reading = asyncio.create_task(_read(hosting, place.format(epoch=fed.channel.epoch)))
        while not hosting.host.links.open:
            await asyncio.sleep(0)
        fed.say(*sample_run()[20:])
        frames = FrameDecoder().feed(await reading)
        assert [frame.event for frame in frames].count("snapshot") == 1
        assert frames[0].event == "snapshot"
        told = [event for frame in frames for event in read_frame(frame).events]
        assert fold(told) == fold(await collect(fed.channel.read()))

    async def _read(hosting: Hosting, place: str) -> bytes:
        async with opened(hosting, f"/v1/runs/run1/events?after={place}") as answer:
            return await received(answer)

    hosted(test, tmp_path)


def test_a_reader_behind_what_is_kept_begins_anew_with_a_snapshot(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run(), retention=Retention(max_events=10))
        assert fed.channel.dropped
        hosting.keep(fed)
        got = await collect(hosting.client().events("run1", after=f"run1.{fed.channel.epoch}.1"))
        assert isinstance(run_events(got)[0], ev.LogRestarted) or any(isinstance(event, ev.LogRestarted) for event in got)
        assert fold(run_events(got)) == fold(await collect(fed.channel.read()))

    hosted(test, tmp_path)


@pytest.mark.parametrize("status", [401, 404, 410, 422])
def test_a_refusal_for_good_ends_the_link_with_the_servers_words(status: int, tmp_path: Path) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        body = b'{"error": {"code": "x", "message": "No such thing."}}'
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    async def test(hosting: Hosting) -> None:
        hosting.bridge.app = refuse
        with pytest.raises(LinkError, match=f"answered {status}: No such thing") as caught:
            await collect(hosting.client().events("run1"))
        assert caught.value.status == status
        assert hosting.bridge.requests == 1

    hosted(test, tmp_path)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_for_now_is_tried_again_after_the_time_that_it_names(status: int, tmp_path: Path) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async def test(hosting: Hosting) -> None:
        app, refused = hosting.app, 0

        async def refuse_twice(scope: Any, receive: Any, send: Any) -> None:
            nonlocal refused
            refused += 1
            if refused > 2:
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": status, "headers": [(b"retry-after", b"3")]})
            await send({"type": "http.response.body", "body": b"busy"})

        hosting.bridge.app = refuse_twice
        hosting.keep(Fed(sample_run()))
        got = await collect(hosting.client(sleep=wait).events("run1"))
        assert [type(event) for event in got[:3]] == [ev.LinkLost, ev.LinkLost, ev.LinkOpened]
        assert waits == [3.0, 3.0]
        assert len(run_events(got)) == len(sample_run())

    hosted(test, tmp_path)


def test_a_link_that_never_comes_back_is_given_up_and_says_so(tmp_path: Path) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<html>"})

    async def test(hosting: Hosting) -> None:
        hosting.bridge.app = broken
        got: list[ev.Event] = []
        with pytest.raises(LinkError, match="Tried 4 times"):
            async for event in hosting.client(tries=4).events("run1"):
                got.append(event)  # noqa: PERF401
        assert [event.retry_in_s is None for event in got] == [False, False, False, True]
        assert "text/html" in got[0].reason

    hosted(test, tmp_path)


def test_heartbeats_come_only_after_silence_and_never_after_the_end(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        hosting.keep(fed)
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            stream = await received(answer, lambda got: got.count(b": hb\n") == 3)
            assert stream.endswith(b"\n\n: hb\n: hb\n: hb\n")
        reading = asyncio.create_task(_rest(hosting))
        fed.say(*sample_run()[5:])
        assert (await reading).endswith(b"\n\n")

    async def _rest(hosting: Hosting) -> bytes:
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            return await received(answer)

    hosted(test, tmp_path, heartbeat_s=0.05)


def test_a_client_notices_silence_without_heartbeats_and_resumes(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        hosting.keep(fed)
        client = hosting.client(silent_heartbeats=0.02)  # of 10 s: as if heartbeats were lost on the way
        got: list[ev.Event] = []
        async for event in client.events("run1"):
            got.append(event)
            if isinstance(event, ev.LinkLost) and not fed.channel.ended:
                fed.say(*sample_run()[5:])
        assert [event.seq for event in run_events(got)] == list(range(1, len(sample_run()) + 1))
        assert "not even a heartbeat" in next(event for event in got if isinstance(event, ev.LinkLost)).reason

    hosted(test, tmp_path)


def test_held_pieces_leave_at_their_deadline_though_the_model_is_silent(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        start = ev.TextStarted(message_id="m", channel="answer", assignee="a")
        hosting.keep(Fed([start, ev.TextDelta(message_id="m", text="held")]))
        async with opened(hosting, "/v1/runs/run1/events?mode=time&seconds=0.05") as answer:
            stream = await received(answer, lambda got: b"held" in got)
        assert [type(event) for event in events_in(stream)] == [ev.TextStarted, ev.TextDelta]

    hosted(test, tmp_path)


def test_a_connection_has_a_deadline_and_its_reader_goes_on_with_the_next(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        hosting.keep(fed)
        got: list[ev.Event] = []
        async for event in hosting.client().events("run1"):
            got.append(event)
            if isinstance(event, ev.LinkLost) and not fed.channel.ended:
                assert event.reason == "the server closed it (deadline)"
                fed.say(*sample_run()[5:])
        assert [event.seq for event in run_events(got)] == list(range(1, len(sample_run()) + 1))

    hosted(test, tmp_path, deadline_s=0.05)


def test_a_reader_that_leaves_is_noticed_at_once_and_the_run_goes_on(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        kept = hosting.keep(fed)
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            await received(answer, lambda got: got.count(b"\n\n") == 5)
            assert (kept.listeners, len(hosting.host.links.open)) == (1, 1)
        assert (kept.listeners, len(hosting.host.links.open)) == (0, 0)
        assert not fed.cancelled
        fed.say(*sample_run()[5:])

    hosted(test, tmp_path)


def test_a_run_without_listeners_is_cancelled_after_its_grace_time_if_so_configured(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        hosting.keep(fed)
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            await received(answer, lambda got: got.count(b"\n\n") == 5)
            assert not fed.cancelled
        async with asyncio.timeout(120):
            while not fed.cancelled:
                await asyncio.sleep(0.01)
        assert "Nobody listened for 0.05 s" in fed.cancelled

    hosted(test, tmp_path, orphan_s=0.05)


def test_beyond_its_limit_a_server_refuses_connections_with_a_reason_and_a_time(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        hosting.keep(Fed(sample_run()[:5]))
        async with opened(hosting, "/v1/runs/run1/events") as first:
            await received(first, lambda got: b"\n\n" in got)
            async with opened(hosting, "/v1/runs/run1/events") as second:
                assert second.status_code == 503
                assert second.headers["retry-after"] == "2"
                assert b"All 1 connections" in await second.aread()

    hosted(test, tmp_path, max_links=1)


QUESTIONS = {
    "/v1/runs": {"query": "?"},
    "/AutoAgent": {"requestId": "r", "query": "?", "agentType": 5},
    "/web/api/v1/gpt/queryAgentStreamIncr": {"requestId": "r", "sessionId": "s", "query": "?"},
    "/v1/tool/code_interpreter": {"requestId": "r", "task": "t"},
    "/v1/tool/report": {"requestId": "r", "task": "t"},
}


@pytest.mark.parametrize(("path", "body"), QUESTIONS.items(), ids=QUESTIONS)
def test_without_room_for_its_stream_no_run_is_begun(path: str, body: dict[str, Any], tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        hosting.keep(Fed(sample_run()[:5]))
        async with opened(hosting, "/v1/runs/run1/events") as first:
            await received(first, lambda got: b"\n\n" in got)
            async with httpx.AsyncClient(transport=hosting.bridge, base_url="http://127.0.0.1", headers=TOKEN) as http:
                answer = await http.post(path, json=body)
        assert answer.status_code == 503
        assert [kept.run.run_id for kept in hosting.host.archive.kept()] == ["run1"]

    hosted(test, tmp_path, max_links=1)


def test_a_server_that_drains_tells_every_reader_where_to_resume(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:5])
        hosting.keep(fed)
        stream = b""
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            async for piece in answer.aiter_raw():
                stream += piece
                await hosting.host.drain()
        frames = FrameDecoder().feed(stream)
        assert (frames[-1].event, frames[-1].id) == ("link_closing", f"run1.{fed.channel.epoch}.5")
        assert read_frame(frames[-1]).closing == "server_shutdown"
        async with opened(hosting, "/v1/runs/run1/events") as answer:
            assert answer.status_code == 503

    hosted(test, tmp_path)


def test_one_run_is_read_in_three_modes_at_once(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed()
        hosting.keep(fed)
        modes = [None, StreamMode(mode="token", token=4), StreamMode(mode="time", time=0.01)]
        reading = [asyncio.create_task(collect(hosting.client().events("run1", mode=mode))) for mode in modes]
        for event in sample_run():
            fed.say(event)
            await asyncio.sleep(0)
        every, token, timed = [run_events(await task) for task in reading]
        assert fold(every) == fold(token) == fold(timed)
        assert len(token) < len(every)

    hosted(test, tmp_path)


REQUESTS = {
    "no-token": ({"authorization": ""}, 401),
    "wrong-token": ({"authorization": "Bearer secrez"}, 401),
    "rebinding": ({"host": "evil.example"}, 421),
    "page-elsewhere": ({"origin": "https://evil.example"}, 403),
    "our-page": ({"origin": "http://localhost:3000"}, 404),
    "fine": ({}, 404),
}


@pytest.mark.parametrize(("headers", "status"), REQUESTS.values(), ids=REQUESTS)
def test_who_may_not_ask_is_refused(headers: dict[str, str], status: int, tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        async with opened(hosting, "/v1/runs/run1/events", **headers) as answer:
            assert answer.status_code == status
            assert "message" in (await answer.aread()).decode()
            allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (headers.get("origin") if status == 404 else None)

    hosted(test, tmp_path)


def test_a_page_that_is_allowed_gets_its_preflight_answered(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        asked = {
            "origin": "http://localhost:3000",
            "access-control-request-method": "POST",
            "access-control-request-headers": "cache-control,content-type",
        }
        async with httpx.AsyncClient(transport=hosting.bridge, base_url="http://127.0.0.1") as http:
            answer = await http.request("OPTIONS", "/web/api/v1/gpt/queryAgentStreamIncr", headers=asked)
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-allow-headers"] == "cache-control,content-type"

    hosted(test, tmp_path)


def test_an_event_of_a_newer_version_is_a_note_and_the_stream_goes_on(tmp_path: Path) -> None:
    async def test(hosting: Hosting) -> None:
        fed = Fed(sample_run()[:3])
        entry = fed.channel.after(1)[0]
        entry._encoded = b'{"kind":"thought_transmitted","seq":2}'
        hosting.keep(fed)
        fed.say(END)
        got = run_events(await collect(hosting.client().events("run1")))
        assert [event.seq for event in got] == [1, 2, 3, 4]
        assert isinstance(got[1], ev.NoteAdded)
        assert "thought_transmitted" in got[1].text

    hosted(test, tmp_path)
