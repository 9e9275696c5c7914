"""When the model behind a URL fails, over real HTTP: what is tried again, and what the person is told."""

import itertools
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from genie_nb.backend.models.base import Finish, Text, Waiting
from genie_nb.backend.models.openai import OpenAIModel
from genie_nb.backend.models.patience import Patience
from genie_nb.errors import ContextTooLong, RateLimited
from tests.backend.models.asking import FAKE_KEY, HALF, Naps, ask, failure
from tests.model_server import ModelServer, Reply, completion_event, error_reply, sse_reply

STREAMS = Path(__file__).parents[2] / "data" / "model_streams"
CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(STREAMS.glob("*.json"))}
REFUSED = [name for name, case in CASES.items() if case["status"] >= 400]
RATE_LIMIT = error_reply(429, "Too many requests", code="rate_limit_exceeded")


@pytest.mark.parametrize("name", REFUSED)
def test_a_documented_refusal_has_its_kind_and_is_tried_again_only_where_that_helps(name: str) -> None:
    case = CASES[name]
    right = case["expected"]["error"]
    naps = Naps(now_s=parsedate_to_datetime("Wed, 21 Oct 2026 07:27:30 GMT").timestamp())
    refusal = Reply(case["status"], ((STREAMS / f"{name}.sse").read_bytes(),), case["headers"])
    with ModelServer(lambda _: refusal) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    assert error.kind == right["kind"]
    assert isinstance(error, RateLimited) == (error.kind == "rate_limit")
    assert isinstance(error, ContextTooLong) == (error.kind == "context_length")
    assert f"127.0.0.1:{server.url.split(':')[2].removesuffix('/v1')}" in str(error)
    assert f"HTTP {case['status']}" in str(error)
    waits = {"http_429_http_date": [30.0] * 3, "http_503_loading": [5.0] * 3, "html_502": [0.5, 1.0, 2.0]}
    assert naps.seconds == waits.get(name, [])
    assert len(server.requests) == 1 + len(naps.seconds)


def test_a_wait_is_shown_with_its_reason_before_it_is_slept() -> None:
    naps = Naps()
    replies = [RATE_LIMIT, error_reply(503, "busy", headers={"retry-after": "7"}), sse_reply("at last")]
    with ModelServer(replies) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    waits = [chunk for chunk in answer.chunks if isinstance(chunk, Waiting)]
    assert [(wait.seconds, wait.attempt) for wait in waits] == [(0.5, 2), (7.0, 3)]
    assert [wait.reason.split(" ", 1)[1] for wait in waits] == ["takes no more requests for now", "cannot answer for now"]
    assert naps.seconds == [0.5, 7.0]
    assert answer.text == "at last"


def test_a_retry_after_of_an_hour_is_shown_and_not_slept() -> None:
    naps = Naps()
    with ModelServer([error_reply(429, "Daily limit", headers={"retry-after": "3600"})]) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    assert "Wait 3600 s" in str(error)
    assert naps.seconds == []


QUOTA = "You exceeded your current quota, please check your plan and billing details."
NEVER_AGAIN = {
    "quota-as-429": (error_reply(429, QUOTA, code="insufficient_quota"), "quota", "nothing left to spend"),
    "no-key": (error_reply(401, "no", code="invalid_api_key"), "auth", "Set OPENAI_API_KEY"),
    "forbidden": (error_reply(403, "Not in your region"), "auth", "Not in your region"),
    "no-such-model": (error_reply(404, "The model `tiny` does not exist"), "not_found", "model tiny"),
    "no-such-path": (Reply(404, (b"<h1>Not Found</h1>",)), "not_found", "nothing at /v1/chat/completions"),
    "hint-at-v1": (Reply(404), "not_found", "often ends in /v1"),
    "too-long": (error_reply(400, "maximum context length is 8"), "context_length", "too long for tiny"),
    "bad-request": (error_reply(422, "messages: too strange"), "invalid_request", "too strange"),
    "html": (Reply(body=(b"<title>Welcome</title>",)), "not_a_stream", "(Welcome)"),
    "filtered": (error_reply(400, "no", code="content_filter"), "content_filter", "other words"),
}


@pytest.mark.parametrize(("reply", "kind", "words"), NEVER_AGAIN.values(), ids=NEVER_AGAIN)
def test_what_would_fail_again_is_asked_once_and_explained(reply: Reply, kind: str, words: str) -> None:
    with ModelServer([reply]) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url))
    assert error.kind == kind
    assert words in str(error)
    assert len(server.requests) == 1


def test_a_key_that_is_refused_is_to_be_checked() -> None:
    with ModelServer([error_reply(401, "no")]) as server:
        assert "Check the key" in str(failure(OpenAIModel("tiny", base_url=server.url, api_key=FAKE_KEY)))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_server_that_recovers_is_forgiven(status: int) -> None:
    naps = Naps()
    with ModelServer([error_reply(status, "sorry"), sse_reply("fine")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    assert (answer.text, len(naps.seconds)) == ("fine", 1)


def test_an_error_inside_an_answer_is_tried_again_before_the_first_chunk_only() -> None:
    naps = Naps()
    busy = b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    with ModelServer([Reply(body=(busy,)), Reply(body=(HALF, busy)), sse_reply("never asked")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    assert answer.error is not None
    assert (answer.error.kind, answer.error.partial, answer.text) == ("overloaded", "half", "half")
    assert len(server.requests) == 2


def test_a_reply_that_is_cut_is_truncated_and_keeps_its_text() -> None:
    with ModelServer([Reply(body=(HALF,), end="cut")]) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url))
    assert (error.kind, error.partial) == ("truncated", "half")


def test_a_reply_that_is_cut_behind_its_finish_reason_is_complete() -> None:
    with ModelServer([Reply(body=(HALF, completion_event(finish_reason="stop")), end="cut")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url))
    assert answer.chunks == [Text("half"), Finish("ok")]


@pytest.mark.parametrize("reply", [Reply(end="cut"), Reply(None, end="cut")], ids=["after-headers", "before-headers"])
def test_an_answer_without_a_word_is_asked_for_once_more(reply: Reply) -> None:
    naps = Naps()
    with ModelServer(lambda _: reply) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=naps.patience()))
    assert error.kind in ("truncated", "unreachable")
    assert len(server.requests) == 2


SILENCES = {"silence": (HALF,), "keep-alives": itertools.chain((HALF,), itertools.repeat(b": ping\n\n" * 500))}


@pytest.mark.parametrize("body", SILENCES.values(), ids=SILENCES)
def test_a_reply_without_news_is_stalled_however_many_keep_alives_come(body: tuple[bytes, ...]) -> None:
    with ModelServer([Reply(body=body, end="hang")]) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=Patience(idle_s=1.0)))
        assert server.client_left.wait(120)
    assert (error.kind, error.partial) == ("stalled", "half")
    assert "nothing for 1 s" in str(error)


def test_an_answer_that_never_begins_is_a_timeout_that_says_how_long() -> None:
    naps = Naps()
    with ModelServer(lambda _: Reply(None, end="hang")) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=naps.patience(reply_s=1.0)))
    assert error.kind == "timeout"
    assert "none within 1 s" in str(error)
    assert len(server.requests) == 2


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def closed_port_by_name() -> Iterator[str]:
    """Where the name stands for two addresses, both refuse."""
    with closed_port() as url:
        yield url.replace("127.0.0.1", "localhost")


@contextmanager
def full_port() -> Iterator[str]:
    """A port whose queue is full: further connections are neither accepted nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        for one in waiting:
            one.close()


@contextmanager
def unknown_name() -> Iterator[str]:
    yield "http://nowhere.invalid/v1"


@contextmanager
def no_tls() -> Iterator[str]:
    with ModelServer([]) as server:
        yield server.url.replace("http://", "https://")


ROADS = {
    "refused": (closed_port, 20.0, "refused"),
    "refused-by-name": (closed_port_by_name, 20.0, "refused"),
    "queue-full": (full_port, 0.25, "no connection within 0.25 s"),
    "unknown-name": (unknown_name, 20.0, "no such host name"),
    "no-tls": (no_tls, 20.0, "TLS"),
}


@pytest.mark.parametrize(("road", "connect_s", "words"), ROADS.values(), ids=ROADS)
def test_a_server_out_of_reach_is_tried_twice_and_said_why(
    road: Callable[[], AbstractContextManager[str]], connect_s: float, words: str
) -> None:
    naps = Naps()
    with road() as url:
        error = failure(OpenAIModel("tiny", base_url=url, patience=naps.patience(connect_s=connect_s)))
    assert error.kind == "unreachable"
    assert words in str(error)
    assert url.split("/")[2] in str(error)
    assert naps.seconds == [0.5]
