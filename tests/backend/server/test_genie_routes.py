"""JDGenie's agent backend over HTTP: the page's endpoint, in one process and in two, and every way to fail."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.server import gateway
from genie_nb.backend.server.serving import Server
from tests.fakes import BOUND_S
from tests.roads.test_roads import planning

Serve = Callable[..., Server]
QUERY = {"sessionId": "s-1", "requestId": "r-1", "query": "多少？", "deepThink": 0, "outputStyle": "html"}
CODE = ("code_interpreter", {"code": "open('made.csv', 'w').write('a\\n1\\n')\nprint(42)"})
PAGE = {"origin": "http://localhost:3000", "accept": "text/event-stream", "content-type": "application/json"}


def scripted() -> ScriptedModel:
    return ScriptedModel([Say(["I ", "look."], [CODE]), Say(["四十", "二 🎉"])])


def asked(
    server: Server, path: str = "/web/api/v1/gpt/queryAgentStreamIncr", body: Any = QUERY, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(server.address + path, content=content, headers=PAGE | headers, timeout=300)


def payloads(answer: httpx.Response) -> list[str]:
    """What stands after `data:`, which has no space after it."""
    blocks = answer.text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data:") and not block.startswith("data: ") and "\n" not in block for block in blocks)
    return [block.removeprefix("data:") for block in blocks]


def packets(answer: httpx.Response) -> list[dict[str, Any]]:
    every = [json.loads(payload) for payload in payloads(answer)]
    return [packet for packet in every if packet["packageType"] != "heartbeat"]


def test_the_page_gets_packets_to_the_finished_one_and_its_files(serve: Serve) -> None:
    server = serve(scripted())
    answer = asked(server)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    got = packets(answer)
    assert [packet["finished"] for packet in got] == [False] * (len(got) - 1) + [True]
    last = got[-1]["resultMap"]["eventData"]["resultMap"]
    assert last["resultMap"]["taskSummary"] == "四十二 🎉"
    assert len({packet["resultMap"]["eventData"]["taskId"] for packet in got}) == 1
    (item,) = [
        item
        for packet in got
        if packet["resultMap"]["eventData"]["resultMap"]["messageType"] == "file"
        for item in packet["resultMap"]["eventData"]["resultMap"]["resultMap"]["fileInfo"]
    ]
    shown = httpx.get(item["domainUrl"], headers={"origin": PAGE["origin"]}, timeout=BOUND_S)
    assert (shown.text, shown.headers["content-disposition"]) == ("a\n1\n", "inline")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
    assert shown.headers["content-security-policy"] == policy
    assert shown.headers["access-control-allow-origin"] == PAGE["origin"]
    saved = httpx.get(item["domainUrl"].replace("preview", "download"), timeout=BOUND_S)
    assert saved.headers["content-disposition"].startswith("attachment")


def test_auto_agent_streams_responses_without_a_space(serve: Serve) -> None:
    server = serve(scripted())
    body = {"requestId": "q", "query": "?", "agentType": 5, "basePrompt": None, "isStream": True, "messages": None}
    got = [json.loads(payload) for payload in payloads(asked(server, "/AutoAgent", body)) if payload != "heartbeat"]
    assert [response["finish"] for response in got] == [False] * (len(got) - 1) + [True]
    assert got[-1]["messageType"] == "result"
    assert all(isinstance(response["messageTime"], str) for response in got)


def test_a_plan_run_comes_with_plan_and_tasks(serve: Serve) -> None:
    server = serve(ScriptedModel(planning), settings={"agent": "plan_solve"})
    got = packets(asked(server, body=QUERY | {"deepThink": 1}))
    kinds = [packet["resultMap"]["eventData"]["messageType"] for packet in got]
    assert "plan" in kinds
    groups: dict[str, list[str]] = {}
    for packet in got:
        told = packet["resultMap"]["eventData"]
        if "taskId" in told:
            groups.setdefault(told["taskId"], []).append(told["resultMap"]["messageType"])
    assert all(kinds[0] == "task" for kinds in groups.values() if set(kinds) != {"plan"})


def comparable(packet: dict[str, Any]) -> str:
    text = json.dumps(packet, ensure_ascii=False, sort_keys=True)
    assert "127.0.0.1" not in text or "/web/files/" in text
    told = packet["resultMap"]["eventData"]
    inner = {k: v for k, v in told["resultMap"].items() if k not in ("messageTime", "messageId", "requestId", "resultMap")}
    return json.dumps({**told, "resultMap": inner, "taskId": "", "messageId": ""}, ensure_ascii=False, sort_keys=True)


@pytest.mark.parametrize("deep", [0, 1])
def test_two_hops_say_what_one_hop_says(serve: Serve, deep: int) -> None:
    model = (lambda: ScriptedModel(planning)) if deep else scripted
    behind = serve(model(), services=("agent",))
    gateway = serve(model(), services=("agent",), agent_url=behind.address)
    alone = serve(model())
    one, two = (packets(asked(server, body=QUERY | {"deepThink": deep})) for server in (alone, gateway))
    assert sorted(map(comparable, one)) == sorted(map(comparable, two))
    assert two[-1]["finished"]


@contextmanager
def upstream(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what a test wants, byte by byte."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listening:
            connection, _ = listening.accept()
            with connection:
                with connection.makefile("rb") as request:
                    size = 0
                    while (line := request.readline()).strip():
                        size = int(line.split(b":")[1]) if line.lower().startswith(b"content-length:") else size
                    request.read(size)
                answer(connection)

    thread = threading.Thread(target=run)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join(10)


OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
THOUGHT = b'data:{"messageType":"tool_thought","messageId":"m","toolThought":"hm","isFinal":false}\n\n'
RESULT = b'data:{"messageType":"result","messageId":"m2","result":"42","finish":true,"resultMap":{"taskSummary":"42"}}'
FAILURES = {
    "refused-status": (b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nbusy", "answered 500: busy"),
    "another-type": (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\n<p>",
        "ended the stream before",
    ),
    "end-without-result": (OK + THOUGHT, "ended the stream before its result"),
    "done-without-result": (OK + THOUGHT + b"data:[DONE]\n\n", "ended the stream before its result"),
    "cut-in-a-frame": (OK + THOUGHT + b'data:{"messageType":"resu', "no JSON"),
    "garbage": (OK + b"data:<html>\n\n", "no JSON"),
    "a-list": (OK + b"data:[1]\n\n", "no object"),
    "too-deep": (
        OK + b'data:{"messageType":"tool_thought","toolThought":' + b"[" * 100_000 + b"\n\n",
        "cannot be used (RecursionError)",
    ),
    "deep": (
        OK + b'data:{"messageType":"tool_thought","toolThought":' + b"[" * 900 + b"]" * 900 + b"}\n\n",
        "The agent's server",
    ),
    "a-list-of-files": (OK + b'data:{"messageType":"file","resultMap":{"fileInfo":7}}\n\n', "cannot be used (TypeError)"),
    "an-id-that-is-a-list": (OK + b'data:{"messageType":"deep_search","messageId":[]}\n\n', "cannot be used (TypeError)"),
    "surrogate": (OK + b'data:{"messageType":"result","result":"\\ud800"}\n\n', "cannot be used (UnicodeEncodeError)"),
    "surrogate-thought": (
        OK + b'data:{"messageType":"tool_thought","toolThought":"\\ud800"}\n\n',
        "cannot be used (UnicodeEncodeError)",
    ),
    "endless-number": (OK + b'data:{"messageType":"tool_thought","toolThought":' + b"9" * 9000 + b"}\n\n", "is no JSON"),
    "refused-at-length": (b"HTTP/1.1 500 Oops\r\n\r\n" + b"busy " * 1_000_000, "answered 500: busy"),
    "no-http": (b"hello\r\n\r\n", "cannot be reached"),
    "chunk-cut": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\nabc", "cannot be reached"),
}


@pytest.mark.parametrize(("said", "told"), FAILURES.values(), ids=FAILURES)
def test_however_the_other_server_fails_the_page_is_unlocked_with_the_reason(serve: Serve, said: bytes, told: str) -> None:
    def answer(connection: socket.socket) -> None:
        with suppress(ConnectionError):  # no more of it is read than is needed
            connection.sendall(said)

    with upstream(answer) as url:
        got = packets(asked(serve(scripted(), agent_url=url)))
    assert got[-1]["finished"]
    assert len(got[-1]["resultMap"]["eventData"]["resultMap"]["result"]) < 500
    assert got[-1]["resultMap"]["eventData"]["messageType"] == "task"
    assert told in got[-1]["resultMap"]["eventData"]["resultMap"]["result"]
    assert [packet["finished"] for packet in got].count(True) == 1


def test_a_result_that_lacks_only_its_blank_line_still_counts(serve: Serve) -> None:
    with upstream(lambda connection: connection.sendall(OK + b"data:heartbeat\n\n" + THOUGHT + RESULT + b"\n")) as url:
        answer = asked(serve(scripted(), agent_url=url))
    assert '"packageType":"heartbeat"' in payloads(answer)[0]
    assert packets(answer)[-1]["resultMap"]["eventData"]["resultMap"]["result"] == "42"


def test_a_server_that_falls_silent_is_given_up(serve: Serve) -> None:
    silent = threading.Event()
    with upstream(lambda connection: (connection.sendall(OK + THOUGHT), silent.wait(120))) as url:
        got = packets(asked(serve(scripted(), agent_url=url, agent_heartbeat_s=0.05)))
        silent.set()
    assert "fell silent" in got[-1]["resultMap"]["eventData"]["resultMap"]["result"]


def test_a_refusal_whose_words_do_not_come_is_told_without_them(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "FIRST_WORDS_S", 0.05)
    silent = threading.Event()
    head = b"HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\n"
    with upstream(lambda connection: (connection.sendall(head), silent.wait(120))) as url:
        got = packets(asked(serve(scripted(), agent_url=url)))
        silent.set()
    assert "answered 500" in got[-1]["resultMap"]["eventData"]["resultMap"]["result"]


def test_a_page_of_a_gateway_counts_and_ends_at_its_deadline_with_a_finished_packet(serve: Serve) -> None:
    silent = threading.Event()
    with upstream(lambda connection: (connection.sendall(OK + THOUGHT), silent.wait(120))) as url:
        server = serve(scripted(), agent_url=url, max_links=1, deadline_s=0.5)
        path = server.address + "/web/api/v1/gpt/queryAgentStreamIncr"
        with httpx.stream("POST", path, json=QUERY, timeout=300) as first:
            lines = first.iter_lines()
            next(lines)
            assert asked(server).status_code == 503
            last = [json.loads(line[5:]) for line in lines if line][-1]
        silent.set()
    assert last["finished"]
    assert "ended this stream before the result: deadline" in last["response"]


def test_a_page_of_a_gateway_is_told_when_the_server_closes(serve: Serve) -> None:
    silent = threading.Event()
    with upstream(lambda connection: (connection.sendall(OK + THOUGHT), silent.wait(120))) as url:
        server = serve(scripted(), agent_url=url)
        with httpx.stream("POST", server.address + "/web/api/v1/gpt/queryAgentStreamIncr", json=QUERY, timeout=300) as page:
            lines = page.iter_lines()
            next(lines)
            server.close()
            last = [json.loads(line[5:]) for line in lines if line][-1]
        silent.set()
    assert last["finished"]
    assert "server_shutdown" in last["response"]


def test_a_server_that_is_not_there_unlocks_the_page(serve: Serve) -> None:
    got = packets(asked(serve(scripted(), agent_url="http://127.0.0.1:9")))
    assert [packet["finished"] for packet in got] == [True]


def test_a_failed_run_unlocks_the_page(serve: Serve) -> None:
    got = packets(asked(serve(ScriptedModel([]))))
    assert got[-1]["finished"]
    assert got[-1]["resultMap"]["eventData"]["resultMap"]["result"]


def test_silence_is_filled_with_packets_for_the_page_and_with_a_word_for_auto_agent(serve: Serve) -> None:
    gate = threading.Event()

    def wait() -> str:
        """Wait."""
        gate.wait(120)
        return "x"

    model = ScriptedModel([Say("", [("wait", {})]), Say("42"), Say("", [("wait", {})]), Say("42")])
    server = serve(model, tools=[wait], heartbeat_s=0.05, agent_heartbeat_s=0.05)
    for path, body, beat in (
        ("/web/api/v1/gpt/queryAgentStreamIncr", QUERY, '"packageType":"heartbeat"'),
        ("/AutoAgent", {"requestId": "z", "query": "?", "agentType": 5}, "heartbeat"),
    ):
        gate.clear()
        with httpx.stream(
            "POST", server.address + path, json=body, headers={"origin": PAGE["origin"]}, timeout=300
        ) as answer:
            beats = 0
            for line in answer.iter_lines():
                beats += line.startswith("data:") and beat in line and "eventData" not in line
                if beats == 3:
                    gate.set()
        assert beats >= 3


BAD = {
    "no-json": ("/AutoAgent", b"{"),
    "no-query": ("/AutoAgent", b'{"requestId":"r","agentType":5}'),
    "unknown-agent": ("/AutoAgent", b'{"requestId":"r","query":"?","agentType":2}'),
    "empty-query": ("/web/api/v1/gpt/queryAgentStreamIncr", b'{"sessionId":"s","requestId":"r","query":"  "}'),
    "page-no-session": ("/web/api/v1/gpt/queryAgentStreamIncr", b'{"query":"?"}'),
}


@pytest.mark.parametrize(("path", "body"), BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_in_words(serve: Serve, path: str, body: bytes) -> None:
    answer = asked(serve(ScriptedModel([])), path, body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]


def test_the_little_around_it(serve: Serve) -> None:
    server = serve(ScriptedModel([]))
    health = httpx.get(server.address + "/web/health", timeout=BOUND_S)
    assert (health.text, health.headers["content-type"].split(";")[0]) == ("ok", "text/event-stream")
    assert httpx.get(server.address + "/data/allModels", timeout=BOUND_S).json() == {"code": 200, "data": []}
    lines = asked(server, "/data/chatQuery", {"content": "?"}).text
    assert [json.loads(block[5:])["eventType"] for block in lines.split("\n\n")[:-1]] == ["ERROR", "READY"]


def test_without_a_token_the_dialects_answer_on_loopback_only(serve: Serve) -> None:
    server = serve(ScriptedModel([]), jdgenie="off")
    assert asked(server).status_code == 404
    assert asked(serve(ScriptedModel([])), host="evil.example").status_code == 421
    assert asked(serve(ScriptedModel([])), origin="https://evil.example").status_code == 403


def test_a_page_that_leaves_a_gateway_closes_the_link_behind_it(serve: Serve) -> None:
    left = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + THOUGHT)
        connection.settimeout(20)
        if connection.recv(10) == b"":
            left.set()

    with upstream(answer) as url:
        server = serve(scripted(), agent_url=url)
        with httpx.stream(
            "POST", server.address + "/web/api/v1/gpt/queryAgentStreamIncr", json=QUERY, timeout=300
        ) as stream:
            next(stream.iter_lines())
        assert left.wait(120)
