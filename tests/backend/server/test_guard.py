"""What stands before every route: names, origins and bodies that are not let in, each answered in words."""

import asyncio
import errno
import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import UploadFile

from genie_nb.backend.server.quota import Quota
from genie_nb.backend.server.uploads import save_upload
from genie_nb.backend.settings import ServerSettings
from tests.fakes import run
from tests.hosting import Hosting

TOKEN = (b"authorization", b"Bearer secret")
JSON = (b"content-type", b"application/json")


def asked(
    folder: Path, method: str, path: str, *headers: tuple[bytes, bytes], body: Iterable[bytes] = (), **server: Any
) -> tuple[int, str]:
    """Status and body of the answer to a request whose body comes in pieces and says no length of itself."""

    async def main() -> tuple[int, str]:
        hosting = Hosting(folder, **server)
        answer: list[dict[str, Any]] = []
        left = iter(body)

        async def receive() -> dict[str, Any]:
            piece = next(left, None)
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: Any) -> None:
            answer.append(message)

        named = dict(headers)
        path_alone, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path_alone, "raw_path": path_alone.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(b"host", b"127.0.0.1"), TOKEN, *headers] if b"host" not in named else [TOKEN, *headers],
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await hosting.app(scope, receive, send)
        await hosting.close()
        return answer[0]["status"], b"".join(message.get("body", b"") for message in answer).decode()

    return run(main())


@pytest.mark.parametrize("name", [b"[", b"[::1", b"]", b"[x]:1", b"evil.example", b"", b"\xff"])
def test_a_host_that_is_none_of_ours_is_refused_in_words(name: bytes, tmp_path: Path) -> None:
    status, told = asked(tmp_path, "GET", "/v1/runs", (b"host", name))
    assert status == 421
    assert "does not answer to the name" in told


@pytest.mark.parametrize("origin", [b"http://[", b"http://]", b"[", b"null", b"http://evil.example", b"\xff"])
def test_a_page_from_elsewhere_is_refused_in_words(origin: bytes, tmp_path: Path) -> None:
    status, told = asked(tmp_path, "GET", "/v1/runs", (b"origin", origin))
    assert status == 403
    assert "may not call this server" in told


def test_a_page_of_this_very_server_may_call_it(tmp_path: Path) -> None:
    origin = (b"origin", b"http://127.0.0.1:8080")
    assert asked(tmp_path, "GET", "/v1/runs", (b"host", b"127.0.0.1:8080"), origin)[0] == 200


@pytest.mark.parametrize(
    ("server", "status"),
    [
        ({}, 200),
        ({"hosts": ("example.com",)}, 404),
        ({"hosts": ("example.com",), "jdgenie": "on"}, 200),
        ({"jdgenie": "off"}, 404),
    ],
    ids=["loopback", "behind-a-proxy", "on-by-name", "off"],
)
def test_paths_without_a_token_are_not_served_behind_a_proxy(server: dict[str, Any], status: int, tmp_path: Path) -> None:
    host = b"example.com" if "hosts" in server else b"127.0.0.1"
    assert asked(tmp_path, "GET", "/data/allModels", (b"host", host), **server)[0] == status


@pytest.mark.parametrize("length", [b"\xb2", b"9" * 5000, b"-1", b"99999999"])
def test_a_length_that_is_none_or_too_large_is_refused_at_once(length: bytes, tmp_path: Path) -> None:
    assert asked(tmp_path, "POST", "/v1/runs", JSON, (b"content-length", length))[0] == 413


PATHS = (
    "/v1/runs",
    "/AutoAgent",
    "/web/api/v1/gpt/queryAgentStreamIncr",
    "/v1/chat/completions",
    "/v1/tool/report",
    "/v1/tool/code_interpreter",
    "/v1/tool/call",
    "/v1/file_tool/get_file",
    "/v1/file_tool/upload_file",
)


def pieces(mib: int) -> Iterator[bytes]:
    for _ in range(mib * 16):
        yield b"x" * 65536
    raise AssertionError("more of the body was read than may be kept")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_grows_too_large_says_413_wherever_it_goes(path: str, tmp_path: Path) -> None:
    status, told = asked(tmp_path, "POST", path, JSON, body=pieces(5), max_body_mib=1, max_upload_mib=1)
    assert status == 413
    assert "A request's body may have" in told


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/file_tool/upload_file_data"])
def test_of_a_form_no_more_is_read_than_a_file_may_have(path: str, tmp_path: Path) -> None:
    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        yield from pieces(3)

    kind = (b"content-type", b"multipart/form-data; boundary=b")
    status, _ = asked(tmp_path, "POST", path, kind, body=form(), max_upload_mib=1)
    assert status == 413
    assert [left for left in tmp_path.rglob("*") if left.is_file()] == []


def test_a_run_called_upload_has_no_larger_bodies(tmp_path: Path) -> None:
    status, _ = asked(tmp_path, "POST", "/v1/runs/upload/cancel", (b"content-length", b"9000000"))
    assert status == 413


class Full(BytesIO):
    """A file that the disk has no room for, from its second piece on."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().read(size)


def test_half_an_upload_is_removed(tmp_path: Path) -> None:
    upload = UploadFile(Full(b"x" * 3_000_000), filename="a.bin")
    with pytest.raises(OSError, match="No space"):
        run(save_upload(tmp_path / "one", upload, Quota(tmp_path, ServerSettings())))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(number: int, tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()

    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        raise OSError(number, os.strerror(number))

    kind = (b"content-type", b"multipart/form-data; boundary=b")
    status, told = asked(tmp_path, "POST", "/v1/uploads", kind, body=form())
    assert status == 507
    assert "no room" in told


def test_a_sender_that_leaves_in_the_middle_is_no_fault_of_the_server(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        hosting, answer = Hosting(tmp_path), []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answer.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/AutoAgent", "raw_path": b"/AutoAgent", "query_string": b"", "root_path": "",
            "headers": [(b"host", b"127.0.0.1")], "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await asyncio.wait_for(hosting.app(scope, receive, send), 10)
        await hosting.close()
        return answer

    assert all(message.get("status", 500) == 500 for message in run(main()))
