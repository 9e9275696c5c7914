"""The model behind a URL, over real HTTP: what is sent, what comes back, and what shows nowhere."""

import asyncio
import json
import logging
import subprocess
import sys
import textwrap
import threading
from contextlib import aclosing

import pytest

from genie_nb.backend.models.base import (
    ChatMessage,
    Finish,
    Reasoning,
    Text,
    TokenCount,
    ToolCallFragment,
    ToolCallRequest,
    ToolSpec,
)
from genie_nb.backend.models.openai import OpenAIModel
from genie_nb.errors import SettingsError
from tests.backend.models.asking import FAKE_KEY, HALF, HELLO, ask, failure, listen
from tests.model_server import ModelServer, Reply, error_reply, sse_reply


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


def test_a_server_that_leaves_the_socket_open_behind_done_is_not_waited_for() -> None:
    with ModelServer([Reply(body=(HALF, b"data: [DONE]\n\n"), end="hang")]) as server:
        [answer] = ask(OpenAIModel("tiny", base_url=server.url))
        assert server.client_left.wait(120)
    assert answer.chunks == [Text("half"), Finish("ok")]


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


@pytest.mark.parametrize("key", [FAKE_KEY, "fake0000plain"])
def test_a_key_shows_nowhere(key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"Key {key} and sk-other-1111 are bad, Bearer abc123 too"
    for status in (400, 401, 403):
        with ModelServer([error_reply(status, said)]) as server:
            model = OpenAIModel("tiny", base_url=server.url, api_key=f" {key}\n")
            error = failure(model)
        shown = f"{error!r} {error} {error.__cause__!r} {model!r} {caplog.text}"
        for secret in (key, "sk-other", "abc123"):
            assert secret not in shown
        assert server.requests[0].headers["authorization"] == f"Bearer {key}"
        assert ("are bad" in str(error)) == (status != 401)


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


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://host/v1", "https:///v1", "models", "http://[::1/v1", "http://host:port/v1"]
)
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
