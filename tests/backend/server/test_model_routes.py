"""The model service over real HTTP: its format, its faults, and our own client against it."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, Reasoning, Text, ToolSpec
from genie_nb.backend.models.openai import OpenAIModel
from genie_nb.backend.models.patience import Patience
from genie_nb.backend.server import chat_completion
from genie_nb.backend.server.serving import Server
from genie_nb.errors import ModelError

Serve = Callable[..., Server]
CALLS = [("look", {"at": "sales"}), ("add", {"a": 1, "b": 2})]


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(None, services=("model",))


def post(server: Server, body: Any, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps({"model": "offline-analyst"} | body).encode()
    return httpx.post(
        f"{server.address}/v1/chat/completions", content=content, headers=bearer(server), timeout=300, **options
    )


def bearer(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.host.token}"}


def asking(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "What can you do?"}], **more}


def events(text: str) -> Iterator[Any]:
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    for block in blocks:
        assert block.startswith("data: ")
        yield block[6:] if block == "data: [DONE]" else json.loads(block[6:])


def with_model(monkeypatch: pytest.MonkeyPatch, serve: Serve, make_model: Callable[[], Any]) -> Server:
    """A server whose model service is of another model, as the constructor allows."""
    from genie_nb.backend.server import app
    from genie_nb.backend.server.model_routes import ModelRoutes

    monkeypatch.setattr(app, "ModelRoutes", lambda host: ModelRoutes(host, make_model))
    return serve(None, services=("model",))


def test_a_whole_answer_and_a_streamed_one_say_the_same(server: Server) -> None:
    whole = post(server, asking()).json()
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["finish_reason"] == "stop"
    text = whole["choices"][0]["message"]["content"]
    assert text
    streamed = post(server, asking(stream=True, stream_options={"include_usage": True}))
    assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"
    *chunks, last, usage, done = events(streamed.text)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == text
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]) == ([], whole["usage"])
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


def test_calls_reasoning_and_usage_are_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = with_model(monkeypatch, serve, lambda: gn.ScriptedModel([gn.Say("I look. 多少", CALLS)]))
    body = asking(model="scripted")
    choice = post(server, body).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["look", "add"]
    assert json.loads(choice["message"]["tool_calls"][1]["function"]["arguments"]) == {"a": 1, "b": 2}
    deltas = [
        event["choices"][0]["delta"] for event in events(post(server, body | {"stream": True}).text) if event != "[DONE]"
    ]
    told = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["index"], call["id"], call["type"]) for call in told] == [
        (0, "call_1_0", "function"),
        (1, "call_1_1", "function"),
    ]
    malformed = post(server, body | {"genie": {"malformed": True}}).json()["choices"][0]["message"]["tool_calls"]
    for call in malformed:
        with pytest.raises(ValueError, match="Unterminated"):
            json.loads(call["function"]["arguments"])


class Speaking:
    """Says what it is told, notes when it is closed."""

    name, badge, context_tokens = "speaking", "scripted", 1000

    def __init__(self, *chunks: Chunk | ModelError | None) -> None:
        self.chunks = chunks
        self.ended, self.closed = threading.Event(), threading.Event()
        self.heard: list[Sequence[ChatMessage]] = []

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        self.heard.append(messages)
        try:
            for chunk in self.chunks:
                if isinstance(chunk, ModelError):
                    raise chunk
                if chunk is None:
                    await asyncio.Event().wait()
                else:
                    yield chunk
        finally:
            self.ended.set()

    async def close(self) -> None:
        self.closed.set()


def test_reasoning_has_its_own_field(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Speaking(Reasoning("Hm. "), Text("Yes."), Finish("length"))
    server = with_model(monkeypatch, serve, lambda: model)
    choice = post(server, asking(model="speaking")).json()["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm. "}
    assert choice["finish_reason"] == "length"


def test_the_conversation_reaches_the_model(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Speaking(Finish())
    server = with_model(monkeypatch, serve, lambda: model)
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    spoken = [
        {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}]},
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    assert post(server, {"model": "speaking", "messages": spoken, "temperature": 0.1}).status_code == 200
    system, assistant, tool = model.heard[0]
    assert (system.role, system.content) == ("system", "Be\nbrief.")
    assert (assistant.content, assistant.tool_calls[0].name, assistant.reasoning) == ("", "look", "Hm.")
    assert (tool.tool_call_id, tool.content) == ("c1", "42")


@pytest.mark.parametrize("stream", [True, False])
def test_a_reader_that_leaves_ends_the_model(serve: Serve, monkeypatch: pytest.MonkeyPatch, *, stream: bool) -> None:
    model = Speaking(Text("I wait."), None)
    server = with_model(monkeypatch, serve, lambda: model)
    body = asking(model="speaking", stream=stream)
    url = f"{server.address}/v1/chat/completions"
    if stream:
        with httpx.stream("POST", url, json=body, headers=bearer(server), timeout=300) as response:
            assert "I wait." in next(text for text in response.iter_text() if "I wait." in text)
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=body, headers=bearer(server), timeout=0.3)
    assert model.ended.wait(120)
    assert model.closed.wait(120)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b"{", 400, "JSON", id="no-json"),
        pytest.param(b"[]", 400, "The body", id="no-object"),
        pytest.param({"messages": []}, 400, "messages", id="no-messages"),
        pytest.param({}, 400, "messages", id="messages-missing"),
        pytest.param({"messages": [{"role": "king", "content": "?"}]}, 400, "messages.0.role", id="unknown-role"),
        pytest.param(asking(genie={"sleep": 1}), 400, "genie.sleep", id="unknown-fault"),
        pytest.param(asking(model="gpt-9"), 404, "'gpt-9' does not exist", id="unknown-model"),
    ],
)
def test_a_wrong_body_gets_an_error_of_openais_form(server: Server, body: Any, status: int, words: str) -> None:
    answer = post(server, body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert words in error["message"]
    assert (error["type"], set(error)) == ("invalid_request_error", {"message", "type", "param", "code"})


def test_the_models_are_listed_to_who_has_the_token(server: Server) -> None:
    listed = httpx.get(f"{server.address}/v1/models", headers=bearer(server), timeout=300).json()
    assert [model["id"] for model in listed["data"]] == ["offline-analyst"]
    assert httpx.get(f"{server.address}/v1/models", timeout=300).status_code == 401
    assert httpx.post(f"{server.address}/v1/chat/completions", json=asking(), timeout=300).status_code == 401


def test_statuses_can_be_asked_for(server: Server) -> None:
    limited = post(server, asking(genie={"status": 429, "retry_after_s": 7}))
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.json()["error"]["code"] == "rate_limit_exceeded"
    assert post(server, asking(genie={"status": 500})).json()["error"]["type"] == "server_error"


def test_a_stream_can_be_cut(server: Server) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(server, asking(stream=True, genie={"cut_after": 3}))
    with pytest.raises(httpx.RemoteProtocolError):
        post(server, asking(genie={"cut_after": 3}))


def test_a_stream_can_stall_and_does_not_hold_up_the_servers_end(server: Server) -> None:
    url, body = f"{server.address}/v1/chat/completions", asking(stream=True, genie={"stall_after": 2})
    with httpx.stream("POST", url, json={"model": "offline", **body}, headers=bearer(server), timeout=300) as response:
        pieces = response.iter_text()
        seen = ""
        while seen.count("data: ") < 3:
            seen += next(pieces)
        server.close()
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)


def test_an_error_before_the_first_word_is_a_status_and_later_an_event(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ModelError("Too much.", kind="overloaded")
    models = iter([Speaking(broken), Speaking(Text("One"), broken), Speaking(Text("One"), broken)])
    server = with_model(monkeypatch, serve, lambda: next(models))
    body = asking(model="speaking", stream=True)
    early = post(server, body)
    assert (early.status_code, early.json()["error"]["message"]) == (503, "Too much.")
    *_, last = events(post(server, body).text)
    assert last["error"] == {"message": "Too much.", "type": "server_error", "code": "overloaded"}
    assert post(server, body | {"stream": False}).status_code == 503


def test_a_question_is_answered_through_the_service_as_without_it(server: Server, tmp_path: Path) -> None:
    table = tmp_path / "sales.csv"
    table.write_text("region,amount\nnorth,10\nsouth,32\n")
    options: dict[str, Any] = {"agent": "react", "runs_folder": tmp_path / "runs"}
    far = gn.Genie(model="offline-analyst", base_url=f"{server.address}/v1", api_key=server.host.token, **options)
    run = far.ask("What is the total amount?", files=table, show=False).result(timeout_s=50)
    here = gn.Genie(**options).ask("What is the total amount?", files=table, show=False).result(timeout_s=50)
    assert (run.status, run.error) == ("finished", None)
    assert "42" in run.answer
    assert run.answer == here.answer
    assert run.transcript.badge.startswith("local: 127.0.0.1")


@pytest.mark.parametrize(
    ("genie", "kind"),
    [
        ({"status": 429}, "rate_limit"),
        ({"status": 500}, "server"),
        ({"cut_after": 4}, "truncated"),
        ({"stall_after": 4}, "stalled"),
    ],
    ids=str,
)
def test_our_own_client_notices_every_fault(
    server: Server, monkeypatch: pytest.MonkeyPatch, genie: dict[str, Any], kind: str
) -> None:
    disturbed = {name: chat_completion.Disturbance(**genie) for name in ("genie",)}
    monkeypatch.setattr(chat_completion.CompletionBody.model_fields["genie"], "default", disturbed["genie"])
    chat_completion.CompletionBody.model_rebuild(force=True)
    waits: list[float] = []

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    async def ask() -> None:
        patience = Patience(sleep=no_wait, idle_s=0.3)
        model = OpenAIModel("offline", base_url=f"{server.address}/v1", api_key=server.host.token, patience=patience)
        try:
            async for _ in model.stream([ChatMessage("user", "Hi")], []):
                continue
        finally:
            await model.close()

    try:
        with pytest.raises(ModelError) as failed:
            asyncio.run(ask())
    finally:
        monkeypatch.undo()
        chat_completion.CompletionBody.model_rebuild(force=True)
    assert failed.value.kind == kind
    assert len(waits) == (3 if "status" in genie else 0)
