"""The model behind a URL, over real HTTP: what is sent, what is tried again, and what the person is told."""

import asyncio
import itertools
import json
import logging
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from genie_nb.backend.models.base import (
    ChatMessage,
    Chunk,
    Finish,
    Reasoning,
    Text,
    TokenCount,
    ToolCallFragment,
    ToolCallRequest,
    ToolSpec,
    Waiting,
)  # fmt: skip
from genie_nb.backend.models.openai import OpenAIModel
from genie_nb.backend.models.patience import Patience
from genie_nb.errors import ContextTooLong, ModelError, RateLimited, SettingsError
from tests.model_server import ModelServer, Reply, completion_event, error_reply, sse_reply

STREAMS = Path(__file__).parents[2] / "data" / "model_streams"
CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(STREAMS.glob("*.json"))}
REFUSED = [name for name, case in CASES.items() if case["status"] >= 400]
FAKE_KEY = "sk-fake-0000000000000000"
HELLO = [ChatMessage(role="user", content="Hello")]
HALF = completion_event(delta={"content": "half"})
RATE_LIMIT = error_reply(429, "Too many requests", code="rate_limit_exceeded")


@dataclass
class Naps:
    """A sleep that only remembers for how long it was asked, and a clock that stands still."""

    now_s: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def patience(self, **limits: float) -> Patience:
        return Patience(sleep=self._sleep, now=lambda: self.now_s, chance=lambda: 0.5, **limits)

    async def _sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class Answer:
    chunks: list[Chunk] = field(default_factory=list)
    error: ModelError | None = None

    @property
    def text(self) -> str:
        return "".join(c.text for c in self.chunks if isinstance(c, Text))


async def listen(model: OpenAIModel, messages: list[ChatMessage], tools: tuple[ToolSpec, ...] = ()) -> Answer:
    answer = Answer()
    try:
        async with aclosing(model.stream(messages, tools)) as chunks:
            async for chunk in chunks:
                answer.chunks.append(chunk)
    except ModelError as error:
        answer.error = error
    return answer


def ask(model: OpenAIModel, *questions: list[ChatMessage], tools: tuple[ToolSpec, ...] = ()) -> list[Answer]:
    async def all_questions() -> list[Answer]:
        try:
            return [await listen(model, messages, tools) for messages in questions or (HELLO,)]
        finally:
            await model.close()

    return asyncio.run(all_questions())


def failure(model: OpenAIModel) -> ModelError:
    [answer] = ask(model)
    assert answer.error is not None
    assert not any(isinstance(chunk, Finish) for chunk in answer.chunks)
    return answer.error


def test_an_ordinary_reply_comes_chunk_by_chunk() -> None:
    call = ToolCallRequest("c1", "look", '{"at":1}')
    with ModelServer([sse_reply("Hello there", [call], reasoning="Hm")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url))
    assert answer.error is None
    assert answer.chunks == [
        Reasoning("Hm"), Text("Hello th"), Text("ere"),
        ToolCallFragment(0, "c1", "look", ""), ToolCallFragment(0, arguments='{"at":1}'),
        TokenCount(10, 6), Finish("ok"),
    ]  # fmt: skip


def test_a_chunk_is_given_out_before_the_next_one_is_sent() -> None:
    gate = threading.Event()

    async def first_text(model: OpenAIModel) -> None:
        async with aclosing(model.stream(HELLO, ())) as chunks:
            assert await anext(chunks) == Text("half")
            gate.set()
            assert [chunk async for chunk in chunks] == [Text("half"), Finish("ok")]
        await model.close()

    with ModelServer([Reply(body=(HALF, gate, HALF, b"data: [DONE]\n\n"))]) as server:
        asyncio.run(first_text(OpenAIModel("tiny", base_url=server.url)))


def test_the_request_says_all_of_the_conversation() -> None:
    call = ToolCallRequest("c1", "look", "{}")
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="Look"),
        ChatMessage(role="assistant", content="", tool_calls=(call,), reasoning="I must look."),
        ChatMessage(role="tool", content="A cat", tool_call_id="c1"),
        ChatMessage(role="assistant", content="A cat.", reasoning="Easy."),
    ]
    schema = {"type": "object", "properties": {}}
    with ModelServer([sse_reply("ok")]) as server:
        model = OpenAIModel("tiny", base_url=server.url, api_key=FAKE_KEY)
        ask(model, messages, tools=(ToolSpec("look", "Looks.", schema),))
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {FAKE_KEY}"
    function = {"name": "look", "arguments": "{}"}
    assert request.json == {
        "model": "tiny",
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": schema}}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
                "reasoning_content": "I must look.",
            },
            {"role": "tool", "tool_call_id": "c1", "content": "A cat"},
            {"role": "assistant", "content": "A cat."},
        ],
    }


def test_without_tools_the_request_names_none() -> None:
    with ModelServer([sse_reply("ok")]) as server:
        ask(OpenAIModel("tiny", base_url=server.url))
    assert "tools" not in server.requests[0].json


def test_two_questions_share_one_connection() -> None:
    with ModelServer([sse_reply("one"), sse_reply("two")]) as server:
        answers = ask(OpenAIModel("tiny", base_url=server.url), HELLO, HELLO)
    assert [answer.text for answer in answers] == ["one", "two"]
    assert server.connections == 1


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


@pytest.mark.parametrize("option", ["stream_options", "reasoning_content"])
def test_an_option_that_the_server_refuses_is_left_out_from_then_on(option: str) -> None:
    call = ToolCallRequest("c1", "look", "{}")
    messages = [
        ChatMessage(role="assistant", content="", tool_calls=(call,), reasoning="Hm"),
        ChatMessage(role="tool", content="A cat", tool_call_id="c1"),
    ]
    replies = [error_reply(400, f"Unrecognized request argument: {option}"), sse_reply("one"), sse_reply("two")]
    with ModelServer(replies) as server:
        answers = ask(OpenAIModel("tiny", base_url=server.url), messages, messages)
    assert [answer.text for answer in answers] == ["one", "two"]
    assert [option in json.dumps(request.json) for request in server.requests] == [True, False, False]


def test_a_server_that_keeps_refusing_an_option_is_not_asked_for_ever() -> None:
    with ModelServer(lambda _: error_reply(400, "stream_options? never")) as server:
        assert failure(OpenAIModel("tiny", base_url=server.url)).kind == "invalid_request"
    assert len(server.requests) == 2


SILENCES = {"silence": (HALF,), "keep-alives": itertools.chain((HALF,), itertools.repeat(b": ping\n\n" * 500))}


@pytest.mark.parametrize("body", SILENCES.values(), ids=SILENCES)
def test_a_reply_without_news_is_stalled_however_many_keep_alives_come(body: tuple[bytes, ...]) -> None:
    with ModelServer([Reply(body=body, end="hang")]) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=Patience(idle_s=1.0)))
        assert server.client_left.wait(10)
    assert (error.kind, error.partial) == ("stalled", "half")
    assert "nothing for 1 s" in str(error)


def test_an_answer_that_never_begins_is_a_timeout_that_says_how_long() -> None:
    naps = Naps()
    with ModelServer(lambda _: Reply(None, end="hang")) as server:
        error = failure(OpenAIModel("tiny", base_url=server.url, patience=naps.patience(reply_s=1.0)))
    assert error.kind == "timeout"
    assert "none within 1 s" in str(error)
    assert len(server.requests) == 2


def test_a_server_that_leaves_the_socket_open_behind_done_is_not_waited_for() -> None:
    with ModelServer([Reply(body=(HALF, b"data: [DONE]\n\n"), end="hang")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url))
        assert server.client_left.wait(10)
    assert answer.chunks == [Text("half"), Finish("ok")]


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"


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


@pytest.mark.parametrize("leave", ["close", "cancel"])
def test_leaving_early_ends_the_request_at_the_server(leave: str) -> None:
    async def leave_early(model: OpenAIModel, server: ModelServer) -> None:
        chunks = model.stream(HELLO, ())
        assert await anext(chunks) == Text("half")
        if leave == "close":
            await chunks.aclose()
        else:
            waiting = asyncio.ensure_future(anext(chunks))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await asyncio.to_thread(server.client_left.wait, 10)
        await model.close()

    with ModelServer([Reply(body=(HALF,), end="hang")]) as server:
        asyncio.run(leave_early(OpenAIModel("tiny", base_url=server.url), server))


def test_not_even_the_first_question_blocks_the_loop() -> None:
    # In a process of its own, because the SDK is imported with the first question.
    code = """
        import asyncio, sys
        from blockbuster import blockbuster_ctx
        from genie_nb.backend.models.base import ChatMessage, Text
        from genie_nb.backend.models.openai import OpenAIModel

        async def ask():
            model = OpenAIModel("tiny", base_url=sys.argv[1])
            chunks = [chunk async for chunk in model.stream([ChatMessage(role="user", content="Hello")], ())]
            await model.close()
            return chunks[0]

        with blockbuster_ctx():
            print(asyncio.run(ask()))
    """
    with ModelServer([sse_reply("fine")]) as server:
        assert in_fresh_python(code, server.url) == "Text(text='fine')"


def test_streams_that_begin_together_share_one_client() -> None:
    async def both(model: OpenAIModel) -> list[str]:
        answers = await asyncio.gather(listen(model, HELLO), listen(model, HELLO))
        await model.close()
        await model.close()
        return [answer.text for answer in answers]

    with ModelServer(lambda _: sse_reply("fine")) as server:
        assert asyncio.run(both(OpenAIModel("tiny", base_url=server.url))) == ["fine", "fine"]


def test_a_key_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"Key {FAKE_KEY} and sk-other-1111 are bad, Bearer abc123 too"
    for status in (400, 401, 403):
        with ModelServer([error_reply(status, said)]) as server:
            model = OpenAIModel("tiny", base_url=server.url, api_key=f" {FAKE_KEY}\n")
            error = failure(model)
        shown = f"{error!r} {error} {error.__cause__!r} {model!r} {caplog.text}"
        for secret in (FAKE_KEY, "sk-other", "abc123"):
            assert secret not in shown
        assert server.requests[0].headers["authorization"] == f"Bearer {FAKE_KEY}"


BADGES = {
    None: "live: api.openai.com",
    "https://models.example:8443/v1": "live: models.example",
    "https://me:secret@models.example/v1": "live: models.example",
    "http://localhost:11434/v1": "local: localhost",
    "http://127.0.0.2:8000": "local: 127.0.0.2",
    "http://[::1]:8000/v1": "local: ::1",
    "http://gpu.localhost/v1": "local: gpu.localhost",
    "http://192.168.1.5/v1": "live: 192.168.1.5",
}


@pytest.mark.parametrize(("url", "badge"), BADGES.items(), ids=str)
def test_the_badge_says_where_the_model_lives(url: str | None, badge: str) -> None:
    model = OpenAIModel("tiny", base_url=url, context_tokens=99)
    assert (model.name, model.badge, model.context_tokens) == ("tiny", badge, 99)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "https:///v1", "models"])
def test_a_base_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="base_url"):
        OpenAIModel("tiny", base_url=url)


@pytest.mark.parametrize("key", ["sk-fake 0000", "sk-fake-„0000“", "sk-fake\n0000"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIModel("tiny", api_key=key)
    assert "fake" not in str(caught.value)


def test_the_sdk_is_imported_with_the_first_question_only() -> None:
    code = """
        import sys
        from genie_nb.backend.models.openai import OpenAIModel
        OpenAIModel("tiny")
        print({"openai", "httpx2"} & set(sys.modules))
    """
    assert in_fresh_python(code) == "set()"


def in_fresh_python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
