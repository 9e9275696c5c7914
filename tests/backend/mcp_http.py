"""A server over streamable HTTP that speaks by hand, so that it can lie: what it answers is a function of the question."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ("Answer", "http_server", "initialized")

Answer = Callable[["BaseHTTPRequestHandler", dict[str, Any]], None]


def say(handler: BaseHTTPRequestHandler, body: bytes, kind: str = "application/json", **headers: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def result(asked: dict[str, Any], **given: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": given}).encode()


def initialized(asked: dict[str, Any]) -> bytes | None:
    """What any server answers to the handshake."""
    match asked.get("method"):
        case "initialize":
            version = asked["params"]["protocolVersion"]
            return result(
                asked, protocolVersion=version, capabilities={"tools": {}}, serverInfo={"name": "c", "version": "1"}
            )
        case "server/discover":
            return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}}).encode()
        case _:
            return None


@contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """Serve; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "id" not in asked:
                self.send_response(202)
                self.end_headers()
                return
            try:
                known = initialized(asked)
                answer(self, asked) if known is None else say(self, known)
            except OSError:
                pass  # who asked has left

        def do_GET(self) -> None:
            self.send_response(405)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    finally:
        server.shutdown()
        thread.join(timeout=120)
        server.server_close()
