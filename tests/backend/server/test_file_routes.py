"""The tool service's files over a real server: brought, listed, shown, fetched, whatever they are called."""

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.server.file_shelf import FileShelf, shelf_name, urls_of
from genie_nb.backend.server.serving import Server
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import AdmissionRefused, RequestError
from tests.fakes import BOUND_S

Serve = Callable[..., Server]
SMALL = ServerSettings(max_upload_mib=1)
ID = "genie会话-1:run/7 ?#%41"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(**options: Any) -> Server:
        settings = {"runs_folder": tmp_path / "server"}
        servers.append(gn.serve(model=gn.ScriptedModel([]), settings=settings, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def post(server: Server, path: str, **options: Any) -> httpx.Response:
    return httpx.post(f"{server.address}/v1/file_tool/{path}", timeout=300, **options)


def upload(server: Server, name: str, content: bytes = b"abc", request_id: str = ID) -> httpx.Response:
    files = {"file": (quote(name, safe=""), content)}
    return post(server, "upload_file_data", data={"requestId": request_id}, files=files)


def text_body(name: str = "销售.md", content: str = "多少 🎉", request_id: str = ID) -> dict[str, str]:
    return {"requestId": request_id, "fileName": name, "description": "d", "content": content}


def test_a_text_comes_back_by_every_address_and_its_size_is_in_bytes(serve: Serve) -> None:
    server = serve()
    answer = post(server, "upload_file", json=text_body())
    place = f"{quote(ID, safe='')}/{quote('销售.md')}"
    download = f"{server.address}/v1/file_tool/download/{place}"
    preview = f"{server.address}/v1/file_tool/preview/{place}"
    assert answer.json() == {
        "ossUrl": download,
        "downloadUrl": download,
        "domainUrl": preview,
        "fileSize": len("多少 🎉".encode()),
    }
    shown, fetched = httpx.get(preview, timeout=BOUND_S), httpx.get(download)
    assert (shown.text, shown.headers["content-type"]) == ("多少 🎉", "text/markdown; charset=utf-8")
    assert shown.headers["content-disposition"].startswith("inline")
    assert (fetched.content, fetched.headers["content-type"]) == (shown.content, "application/octet-stream")
    assert fetched.headers["content-disposition"] == f"attachment; filename*=utf-8''{quote('销售.md')}"


def test_a_form_is_answered_without_an_oss_address(serve: Serve) -> None:
    answer = upload(serve(), "a.csv", b"a\n1\n")
    assert set(answer.json()) == {"downloadUrl", "domainUrl", "fileSize"}
    assert answer.json()["fileSize"] == 4
    assert httpx.get(answer.json()["domainUrl"], timeout=BOUND_S).headers["content-type"] == "text/csv; charset=utf-8"


HOSTILE = {
    "traversal": ("../x", "x"),
    "deep-traversal": ("../../../../etc/passwd", "etc/passwd"),
    "absolute": ("/etc/passwd", "etc/passwd"),
    "backslashes": ("..\\..\\up.csv", "up.csv"),
    "in-the-middle": ("a/../../b", "a/b"),
    "nul": ("a\x00b", "a_b"),
    "long": ("长" * 300 + ".csv", "长" * 300 + ".csv"),
    "windows": ("CON", "CON"),
    "colon": ("a:b.csv", "a:b.csv"),
    "question": ("a?b#c%d.csv", "a?b#c%d.csv"),
    "percent-dots": ("%2e%2e%2fx", "%2e%2e%2fx"),
    "quotes": ('"a"; filename="b', '"a"; filename="b'),
    "chinese": ("销售.csv", "销售.csv"),
    "emoji": ("🎉.csv", "🎉.csv"),
    "index": ("index.json", "index.json"),
    "folder": ("sub/a.csv", "sub/a.csv"),
}


@pytest.mark.parametrize(("name", "kept"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_stays_on_the_shelf_whatever_its_name(serve: Serve, tmp_path: Path, name: str, kept: str) -> None:
    server = serve()
    answer = upload(server, name, b"abc")
    assert answer.status_code == 200, answer.text
    for address in ("domainUrl", "downloadUrl"):
        assert httpx.get(answer.json()[address], timeout=BOUND_S).content == b"abc"
    found = post(server, "get_file", json={"requestId": ID, "fileName": name})
    assert found.json()["fileName"] == kept
    listed = post(server, "get_file_list", json={"requestId": ID}).json()
    assert [file["fileName"] for file in listed["results"]] == [kept]
    shelf = tmp_path / "server" / "tool_files"
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert made
    assert all(path.is_relative_to(shelf) and len(path.name.encode()) <= 200 for path in made)
    text = post(server, "upload_file", json=text_body(name, "text"))
    assert httpx.get(text.json()["domainUrl"], timeout=BOUND_S).content == b"text"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "...", "../..", "x" * 1001])
def test_a_name_that_is_none_is_refused(serve: Serve, tmp_path: Path, name: str) -> None:
    server = serve()
    answer = post(server, "upload_file", json=text_body(name))
    assert answer.status_code == 422
    assert "is no name for a file" in answer.json()["detail"][0]["msg"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


IDS = ["../x", "/etc", "a:b:c", "a/b", "空 格", "🎉", "a\x00b", "%2e%2e", "CON", "x" * 1000]


@pytest.mark.parametrize("request_id", IDS)
def test_a_request_id_may_be_anything_and_keeps_its_files_apart(serve: Serve, tmp_path: Path, request_id: str) -> None:
    server = serve()
    answer = upload(server, "a.txt", request_id=request_id)
    upload(server, "a.txt", b"other", "other")
    assert httpx.get(answer.json()["domainUrl"], timeout=BOUND_S).content == b"abc"
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(tmp_path / "server" / "tool_files") for path in made)


@pytest.mark.parametrize("request_id", ["", ".", "..", "x" * 1001])
def test_a_request_id_that_no_address_can_carry_is_refused(serve: Serve, request_id: str) -> None:
    assert post(serve(), "upload_file", json=text_body(request_id=request_id)).status_code == 422


def test_what_is_not_there_is_said_as_jdgenie_says_it(serve: Serve) -> None:
    server = serve()
    absent = post(server, "get_file", json={"requestId": ID, "fileName": "none.md"})
    assert (absent.status_code, absent.text) == (500, "Unexpected error: file not found")
    assert absent.headers["content-type"] == "text/plain; charset=utf-8"
    for kind in ("preview", "download"):
        answer = httpx.get(f"{server.address}/v1/file_tool/{kind}/{quote(ID, safe='')}/none.md", timeout=BOUND_S)
        assert (answer.status_code, answer.text) == (404, "File not found")
    assert post(server, "get_file_list", json={"requestId": ID}).json() == {"results": [], "totalSize": 0}
    for path in ("preview/", "preview/x", "download/..%2f..%2fetc/passwd", "preview/x/..%2f..%2f..%2fetc%2fpasswd"):
        assert httpx.get(f"{server.address}/v1/file_tool/{path}", timeout=BOUND_S).status_code == 404


def test_a_list_has_pages(serve: Serve) -> None:
    server = serve()
    names = [f"f{number:02}.txt" for number in range(12)]
    for name in names:
        upload(server, name, b"ab")

    def page(**asked: Any) -> tuple[list[str], int]:
        told = post(server, "get_file_list", json={"requestId": ID, **asked}).json()
        return [file["fileName"] for file in told["results"]], told["totalSize"]

    assert page() == (names[:10], 24)
    assert page(page=2) == (names[10:], 24)
    assert page(page=2, pageSize=5) == (names[5:10], 24)
    assert page(page=9) == ([], 24)
    wanted = [{"requestId": ID, "fileName": name} for name in ("f03.txt", "none", "f01.txt")]
    assert page(filters=wanted) == (["f03.txt", "f01.txt"], 4)


BODIES = {
    "no-json": ("upload_file", b"{", ["body", 0]),
    "a-list": ("get_file", b"[]", ["body"]),
    "no-name": ("get_file", b'{"requestId": "r"}', ["body", "fileName"]),
    "no-content": ("upload_file", b'{"requestId": "r", "fileName": "a", "description": ""}', ["body", "content"]),
    "no-id": ("get_file_list", b"{}", ["body", "requestId"]),
    "page-0": ("get_file_list", b'{"requestId": "r", "page": 0}', ["body", "page"]),
}


@pytest.mark.parametrize(("path", "body", "place"), BODIES.values(), ids=BODIES)
def test_a_bad_body_is_told_as_fastapi_tells_it(serve: Serve, path: str, body: bytes, place: list[Any]) -> None:
    answer = post(serve(), path, content=body)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == place if place != ["body", 0] else detail["loc"][0] == "body"
    assert {"type", "loc", "msg"} <= set(detail)


def test_a_form_without_its_fields_is_told(serve: Serve) -> None:
    server = serve()
    told = post(server, "upload_file_data", data={"requestId": ID})
    assert told.json()["detail"][0]["loc"] == ["body", "file"]
    told = post(server, "upload_file_data", files={"file": ("a", b"a")})
    assert told.json()["detail"][0]["loc"] == ["body", "requestId"]
    assert post(server, "upload_file_data", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400


def test_names_in_snake_case_are_taken_too(serve: Serve) -> None:
    server = serve()
    body = {"request_id": "r", "file_name": "a", "description": "", "content": "x"}
    assert post(server, "upload_file", json=body).status_code == 200
    assert post(server, "get_file_list", json={"request_id": "r", "page_size": 1}).json()["totalSize"] == 1


def test_what_is_too_large_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    server = serve(max_upload_mib=1)
    assert upload(server, "a.bin", b"x" * 1_060_000).status_code == 413
    assert upload(server, "a.bin", b"x" * 8_000_000).status_code == 413
    assert post(server, "upload_file", json=text_body(content="x" * 2_000_000)).status_code == 413
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert upload(server, "a.bin", b"x" * 2**20).status_code == 200


def test_nothing_in_a_preview_runs_in_the_servers_name(serve: Serve) -> None:
    server = serve()
    for name in ("a.html", "a.svg", "a.xhtml", "a.unknown"):
        answer = upload(server, name, b"<script>alert(1)</script>").json()
        for address in ("domainUrl", "downloadUrl"):
            headers = httpx.get(answer[address], timeout=BOUND_S).headers
            policy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
            assert headers["content-security-policy"] == policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers
        unknown = name == "a.unknown"
        way = httpx.get(answer["domainUrl"], timeout=BOUND_S).headers["content-disposition"].split(";")[0]
        assert way == ("attachment" if unknown else "inline")


def test_only_an_allowed_page_may_read_a_preview(serve: Serve) -> None:
    address = upload(serve(), "a.txt").json()["domainUrl"]
    allowed = httpx.get(address, headers={"origin": "http://localhost:3000"}, timeout=BOUND_S)
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert httpx.get(address, headers={"origin": "http://evil.example"}, timeout=BOUND_S).status_code == 403


def test_a_file_that_comes_again_replaces_the_old_one(serve: Serve) -> None:
    server = serve()
    upload(server, "a.txt", b"old content")
    answer = upload(server, "a.txt", b"new")
    assert httpx.get(answer.json()["domainUrl"], timeout=BOUND_S).content == b"new"
    listed = post(server, "get_file_list", json={"requestId": ID}).json()
    assert (len(listed["results"]), listed["totalSize"]) == (1, 3)


def test_files_are_still_there_after_the_server(serve: Serve) -> None:
    first = serve()
    upload(first, "a.txt")
    first.close()
    assert post(serve(), "get_file_list", json={"requestId": ID}).json()["totalSize"] == 3


# The shelf alone


def test_the_shelf_takes_only_ordinary_files(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path / "shelf", SMALL)
    os.symlink("/etc/passwd", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "nothing"):
        with pytest.raises(RequestError):
            shelf.put("r", "a", tmp_path / name)
    with pytest.raises(AdmissionRefused):
        shelf.put("r", "a", io.BytesIO(b"x" * (2**20 + 1)))
    assert shelf.listed("r") == []
    (tmp_path / "file").write_bytes(b"0123456789")
    kept = shelf.put("r", "a\ud800", tmp_path / "file")
    assert (kept.name, kept.size, kept.path.read_bytes()) == ("a?", 10, b"0123456789")
    assert shelf.find("r", "b") is None
    assert kept.item("http://h/")["fileName"] == "a?"


def test_a_damaged_index_hides_its_file_and_no_other(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path, SMALL)
    shelf.put("r", "a", b"1")
    kept = shelf.put("r", "b", b"1")
    kept.path.parent.with_suffix(".json").write_text('{"requestId": "r", ')
    assert [file.name for file in shelf.listed("r")] == ["a"]


def test_who_asks_for_a_file_waits_for_those_that_are_being_put_there(tmp_path: Path) -> None:
    async def ask() -> list[str]:
        shelf, gate, order = FileShelf(tmp_path, SMALL), asyncio.Event(), list[str]()

        async def work() -> None:
            await gate.wait()
            order.append("put")

        shelf.expect("r", work())
        await shelf.settled("another")
        order.append("another")
        asyncio.get_running_loop().call_soon(gate.set)
        await shelf.settled("r")
        await asyncio.sleep(0)
        order.append("asked")
        assert not shelf._coming
        return order

    assert asyncio.run(asyncio.wait_for(ask(), 10)) == ["another", "put", "asked"]


def test_a_name_in_an_address_is_quoted_whole() -> None:
    assert urls_of("http://h/", "a:b/c", "x/ü?.md").preview == "http://h/v1/file_tool/preview/a%3Ab%2Fc/x%2F%C3%BC%3F.md"
    assert shelf_name("a//./b") == "a/b"
