"""A real HTTP server on loopback that answers like an OpenAI-compatible model, as scripted.

with ModelServer([sse_reply("Hello")]) as server:
    model = OpenAIModel("tiny", base_url=server.url)
"""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

from genie_nb.backend.models.base import ToolCallRequest

__all__ = ("ModelServer", "Reply", "Request", "completion_event", "error_reply", "sse_reply")

GATE_S = 30.0


@dataclass(frozen=True)
class Request:
    """What the server was asked; header names are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Attributes:
        status: None sends nothing at all, not even headers.
        body: Pieces to send, each at once as a chunk of its own. At an Event the server waits until it is set.
        end: `whole`; `cut`: the connection is closed before the body's end; `hang`: it stays open in silence until the
            client leaves, which sets the server's `client_left`.
    """

    status: int | None = 200
    body: Iterable[bytes | threading.Event] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    end: Literal["whole", "cut", "hang"] = "whole"


def completion_event(**choice: Any) -> bytes:
    """One event of a stream, e.g. `completion_event(delta={"content": "Hi"})`."""
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [{'index': 0, **choice}]})}\n\n".encode()


def sse_reply(text: str = "", tool_calls: Sequence[ToolCallRequest] = (), *, reasoning: str = "") -> Reply:
    """An ordinary streamed reply, in pieces of eight characters, with usage at the end."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"reasoning_content": piece} for piece in _pieces(reasoning)]
    deltas += [{"content": piece} for piece in _pieces(text)]
    for index, call in enumerate(tool_calls):
        head = {"index": index, "id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        deltas.append({"tool_calls": [head]})
        for piece in _pieces(call.arguments):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    usage = {"prompt_tokens": 10, "completion_tokens": len(deltas), "total_tokens": 10 + len(deltas)}
    return Reply(
        body=(
            *(completion_event(delta=delta, finish_reason=None) for delta in deltas),
            completion_event(delta={}, finish_reason="tool_calls" if tool_calls else "stop"),
            f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode(),
            b"data: [DONE]\n\n",
        )
    )


def error_reply(status: int, message: str, *, headers: Mapping[str, str] | None = None, **error: Any) -> Reply:
    """A refusal in OpenAI's form; `error` takes its `code` and `type`."""
    body = json.dumps({"error": {"message": message, **error}}).encode()
    return Reply(status, (body,), {"content-type": "application/json", **(headers or {})})


class ModelServer:
    """Answers one request after another with the replies given, or with what a function makes of each request.

    Attributes:
        requests: What was asked, in order.
        connections: How many were made.
        client_left: Set when a client went away before it had its whole answer.
    """

    def __init__(self, replies: Iterable[Reply] | Callable[[Request], Reply]) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.client_left = threading.Event()
        self._choose = replies if callable(replies) else _one_by_one(list(replies))
        self._http = _Server(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The base URL, which ends in `/v1`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self._choose(request)

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()
        if self._http.failures and error is None:
            raise self._http.failures[0]


def _pieces(text: str) -> list[str]:
    return [text[start : start + 8] for start in range(0, len(text), 8)]


def _one_by_one(replies: list[Reply]) -> Callable[[Request], Reply]:
    left = iter(replies)

    def next_reply(request: Request) -> Reply:
        return next(left, None) or error_reply(400, f"The test has no reply left for {request.method} {request.path}.")

    return next_reply


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self.failures: list[BaseException] = []
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        self.owner.connections += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, ConnectionError):
            self.owner.client_left.set()
        elif error is not None:
            self.failures.append(error)

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size)
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner = self.server.owner
        reply = owner.answer(Request(self.command, self.path, headers, json.loads(body) if body else None))
        if reply.status is not None:
            self._send(reply, reply.status)
        if reply.end == "hang":
            self.connection.recv(1)
            owner.client_left.set()
        if reply.end != "whole" or reply.status is None:
            self.close_connection = True

    do_GET = do_POST

    def _send(self, reply: Reply, status: int) -> None:
        self.send_response(status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in reply.body:
            if isinstance(piece, threading.Event):
                assert piece.wait(GATE_S), "nobody opened the gate"
            else:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if reply.end == "whole":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `requests`."""
