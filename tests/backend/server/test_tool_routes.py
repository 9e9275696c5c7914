"""The tool service over a real server: code, reports and searches, byte by byte as JDGenie's clients read them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.server.file_shelf import FileShelf
from genie_nb.backend.server.serving import Server
from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.errors import ModelError
from genie_nb.transcript import Note
from tests.fakes import BOUND_S

Serve = Callable[..., Server]
ID = "genie1:2"
COPY = "print(open('sales.csv').read())\nopen('copy.csv', 'w').write('a\\n2\\n')"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(model: Any, **options: Any) -> Server:
        settings = {"runs_folder": tmp_path / "server", **options.pop("settings", {})}
        servers.append(gn.serve(model=model, settings=settings, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def saying(*replies: Any) -> gn.ScriptedModel:
    return gn.ScriptedModel([reply if isinstance(reply, gn.Say) else gn.Say(reply) for reply in replies])


def code(text: str, code: str) -> gn.Say:
    return gn.Say(text, [("code_interpreter", {"code": code})])


def post(server: Server, tool: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{server.address}/v1/tool/{tool}", json=body, timeout=300)


def upload(server: Server, name: str, content: bytes) -> str:
    files = {"file": (quote(name), content)}
    answer = httpx.post(
        f"{server.address}/v1/file_tool/upload_file_data", data={"requestId": ID}, files=files, timeout=BOUND_S
    )
    return str(answer.json()["domainUrl"])


def messages(answer: httpx.Response) -> list[Any]:
    """The messages of a stream, whose framing is as JDGenie's readers need it: six characters, then one line."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    lines = answer.content.split(b"\r\n\r\n")
    assert lines.pop() == b""
    assert lines.pop() == b"data: [DONE]"
    assert all(line.startswith(b"data: ") and not line.startswith(b"data:  ") for line in lines)
    assert not any(set("\r\n\u2028\u2029\u0085") & set(line.decode()) for line in lines)
    return [json.loads(line[6:]) for line in lines if line != b"data: heartbeat"]


def test_code_is_run_on_the_named_files_and_what_it_makes_can_be_had_at_once(serve: Serve) -> None:
    server = serve(saying(code("I copy.", COPY), "Done: 两行\u2028."))
    upload(server, "sales.csv", b"a\n1\n")
    answer = post(server, "code_interpreter", requestId=ID, task="Copy it.", fileNames=["sales.csv"])
    told = messages(answer)
    assert told[0] == {"requestId": ID, "code": COPY, "fileInfo": [], "isFinal": False}
    place = f"{quote(ID, safe='')}/copy.csv"
    download = f"{server.address}/v1/file_tool/download/{place}"
    preview = f"{server.address}/v1/file_tool/preview/{place}"
    item = {"fileName": "copy.csv", "ossUrl": download, "domainUrl": preview, "downloadUrl": download, "fileSize": 4}
    assert told[1] == {"requestId": ID, "codeOutput": "Done: 两行\u2028.", "fileInfo": [item], "isFinal": True}
    assert len(told) == 2
    assert httpx.get(download, timeout=BOUND_S).content == b"a\n2\n"
    assert "a\\n1\\n" in repr(server.host.archive.kept()[0].run.transcript.calls["c2"].output)


def test_the_bytes_of_a_code_stream_are_those_of_jdgenies_service(serve: Serve) -> None:
    answer = post(serve(saying("Done.")), "code_interpreter", requestId="r", task="?", stream=True)
    final = b'{"requestId":"r","codeOutput":"Done.","fileInfo":[],"isFinal":true}'
    assert answer.content == b"data: " + final + b"\r\n\r\ndata: [DONE]\r\n\r\n"


@pytest.mark.parametrize("kind", ["preview", "download"])
def test_a_file_may_be_named_by_its_address_here(serve: Serve, kind: str) -> None:
    server = serve(saying(code("", "print(open('销售.csv').read())"), "Done."))
    address = upload(server, "销售.csv", b"a\n1\n").replace("/preview/", f"/{kind}/").replace("127.0.0.1", "localhost")
    told = messages(post(server, "code_interpreter", requestId="another", task="?", fileNames=[address]))
    assert told[-1]["codeOutput"] == "Done."
    assert "a\n1" in next(iter(server.host.archive.kept()[0].run.transcript.calls.values())).output


ELSEWHERE = {
    "a-path": "/etc/passwd",
    "traversal": "../../../../etc/passwd",
    "not-brought": "sales.csv",
    "another-server": "http://169.254.169.254/latest/meta-data",
    "another-port": "http://127.0.0.1:1/v1/file_tool/preview/r/a",
    "no-port": "http://127.0.0.1:x/v1/file_tool/preview/r/a",
    "a-file-address": "file:///etc/passwd",
    "user-in-front": "http://127.0.0.1@10.0.0.1/v1/file_tool/preview/r/a",
    "another-route": "{own}/metrics",
    "nobody's": "{own}/v1/file_tool/preview/r/..%2f..%2fetc%2fpasswd",
}


@pytest.mark.parametrize("tool", ["code_interpreter", "report"])
@pytest.mark.parametrize("name", ELSEWHERE.values(), ids=ELSEWHERE)
def test_no_other_file_is_read_and_no_other_address_asked(serve: Serve, tool: str, name: str) -> None:
    server = serve(saying("# Done."))
    told = messages(post(server, tool, requestId=ID, task="?", fileNames=[name.format(own=server.address)]))
    (kept,) = server.host.archive.kept()
    assert kept.run.transcript.inputs == ()
    assert "without it" in told[-1]["note"]
    assert told[-1]["isFinal"]


def test_a_name_that_is_none_is_passed_over_and_told_everywhere(serve: Serve) -> None:
    server = serve(saying("Done.", "# Whole", "Fertig.", "完成"))
    upload(server, "sales.csv", b"a\n1\n")
    asked = {"requestId": ID, "task": "?", "fileNames": ["staff.csv", "sales.csv"]}
    note = "There is no file 'staff.csv' for this request id, so the work goes on without it."

    (code,) = messages(post(server, "code_interpreter", **asked))
    report = messages(post(server, "report", fileType="markdown", **asked))[-1]
    whole = post(server, "code_interpreter", stream=False, **asked).json()
    (chinese,) = messages(post(server, "code_interpreter", requestId=ID, task="有多少行？", fileNames=["员工.csv"]))
    assert (code["codeOutput"], code["note"]) == (f"{note}\n\nDone.", note)
    assert (report["data"], report["note"]) == ("# Whole", note)
    assert (whole["data"], whole["note"]) == ("Fertig.", note)
    assert chinese["note"] == "此 requestId 没有名为 '员工.csv' 的文件，因此在没有它的情况下继续。"
    runs = [kept.run.transcript for kept in server.host.archive.kept()]
    assert sorted(len(run.inputs) for run in runs) == [0, 1, 1, 1]
    noted = [item.text for run in runs for item in run.items if isinstance(item, Note)]
    assert sorted(noted) == sorted([note] * 3 + [chinese["note"]])


def test_a_failure_tells_of_the_file_too(serve: Serve) -> None:
    server = serve(gn.ScriptedModel(lambda *_: gn.Say(error=ModelError("The model is ill."))))
    (told,) = messages(post(server, "code_interpreter", requestId=ID, task="?", fileNames=["staff.csv"]))
    assert (told["error"], "staff.csv" in told["note"]) == ("The model is ill.", True)


@pytest.mark.parametrize(
    "name", ["sales", "sales.xlsx", "/mnt/data/Sales.CSV", "{own}/v1/file_tool/preview/genie1:2/sales.txt"]
)
def test_a_file_is_found_by_the_stem_of_its_name(serve: Serve, name: str) -> None:
    server = serve(saying("Done."))
    upload(server, "sales.csv", b"a\n1\n")
    upload(server, "staff.csv", b"a\n1\n")
    names = [name.format(own=server.address), "sales.csv"]
    (told,) = messages(post(server, "code_interpreter", requestId=ID, task="?", fileNames=names))
    (kept,) = server.host.archive.kept()
    assert [file.name for file in kept.run.transcript.inputs] == ["sales.csv"]
    assert told["note"].endswith("'sales.csv' was taken for it.")


class _Elsewhere(BaseHTTPRequestHandler):
    """Another server with files, one of them large, and a redirect."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/secret")
            self.end_headers()
            return
        content = {"/files/%E9%94%80.csv?x=1": b"a\n1\n", "/large": b"x" * 2_000_000}.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        with suppress(OSError):  # who asked may have had enough
            self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(20)


def test_a_file_elsewhere_is_fetched_where_the_server_may_go(serve: Serve, elsewhere: str) -> None:
    server = serve(saying(code("", "print(open('销.csv').read())"), "Done."), fetch_hosts=["127.0.0.1"])
    name = f"{elsewhere}/files/%E9%94%80.csv?x=1"
    told = messages(post(server, "code_interpreter", requestId=ID, task="?", fileNames=[name]))
    assert told[-1]["codeOutput"] == "Done."
    assert "a\n1" in next(iter(server.host.archive.kept()[0].run.transcript.calls.values())).output
    assert FileShelf.of(server.host).listed(ID) == []


REFUSED = {
    "absent": ("/absent", "the answer there is 404"),
    "too-large": ("/large", "larger than 1 MiB"),
    "redirect-to-a-private-address": ("/moved", "at a private address"),
}


@pytest.mark.parametrize(("path", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_elsewhere_that_cannot_be_had_is_told(serve: Serve, elsewhere: str, path: str, why: str) -> None:
    server = serve(saying("# Whole"), fetch_hosts=["127.0.0.1"], max_upload_mib=1)
    told = messages(post(server, "report", requestId=ID, task="?", fileNames=[elsewhere + path]))
    assert why in told[-1]["note"]
    assert told[-1]["data"] == "# Whole"


def test_a_file_of_a_neighbour_is_not_fetched_without_leave(serve: Serve, elsewhere: str) -> None:
    answer = post(serve(saying("# Whole")), "report", requestId=ID, task="?", fileNames=[f"{elsewhere}/large"])
    assert "at a private address" in messages(answer)[-1]["note"]


def test_code_in_one_piece(serve: Serve) -> None:
    server = serve(saying(code("", "open('a.txt', 'w').write('x')"), "Done."))
    answer = post(server, "code_interpreter", requestId=ID, task="?", stream=False)
    told = answer.json()
    assert answer.status_code == 200
    assert {name: told[name] for name in ("code", "data", "requestId")} == {"code": 200, "data": "Done.", "requestId": ID}
    (file,) = told["fileInfo"]
    assert (file["fileName"], file["fileSize"], httpx.get(file["downloadUrl"], timeout=BOUND_S).text) == ("a.txt", 1, "x")


def test_a_failure_is_a_message_and_still_an_end(serve: Serve) -> None:
    server = serve(gn.ScriptedModel(lambda *_: gn.Say("So f", error=ModelError("The model is ill."))))
    (told,) = messages(post(server, "code_interpreter", requestId=ID, task="?"))
    assert (told["codeOutput"], told["error"], told["isFinal"]) == ("The model is ill.",) * 2 + (True,)
    (told,) = messages(post(server, "report", requestId=ID, task="?", fileType="markdown"))
    assert (told["data"], told["error"], told["isFinal"]) == ("The model is ill.",) * 2 + (True,)
    for tool in ("code_interpreter", "report"):
        answer = post(server, tool, requestId=ID, task="?", stream=False)
        assert (answer.status_code, answer.json()["error"]) == (500, "The model is ill.")
    (told,) = messages(post(server, "code_interpreter", requestId=ID))
    assert "question is empty" in told["error"]


PIECES = ["# Ti", "tle\n", "\n四十", "二 🎉", "."]
REPORT = "".join(PIECES)


@pytest.mark.parametrize(
    ("mode", "cut"),
    [
        ({"mode": "general"}, PIECES),
        ({"mode": "token", "token": 2}, ["# Title\n", "\n四十二 🎉", "."]),
        ({"mode": "token", "token": 10}, [REPORT]),
        ({"mode": "time", "time": 3600}, [REPORT]),
        (None, PIECES),
    ],
    ids=["general", "token-2", "token-10", "time", "none"],
)
def test_a_report_leaves_as_its_stream_mode_says(serve: Serve, mode: dict[str, Any] | None, cut: list[str]) -> None:
    server = serve(saying(PIECES))
    asked = {"requestId": ID, "task": "t", "fileName": "报告", "fileType": "markdown", "streamMode": mode}
    told = messages(post(server, "report", **asked))
    assert [message["data"] for message in told[:-1]] == cut
    assert all(message == {"requestId": ID, "data": message["data"], "isFinal": False} for message in told[:-1])
    (file,) = told[-1].pop("fileInfo")
    assert told[-1] == {"requestId": ID, "data": REPORT, "isFinal": True}
    assert (file["fileName"], file["fileSize"]) == ("报告.md", len(REPORT.encode()))
    assert httpx.get(file["domainUrl"], timeout=BOUND_S).text == REPORT


def test_a_report_begins_while_it_is_written(serve: Serve) -> None:
    gate = threading.Event()

    def wait() -> str:
        """Wait."""
        gate.wait(120)
        return "ok"

    server = serve(saying(gn.Say(["# A ", "part"], [("wait", {})]), "# Whole"), tools=[gn.tool(wait)])
    body = {"requestId": ID, "task": "t", "fileType": "markdown"}
    url, decoder, said = f"{server.address}/v1/tool/report", FrameDecoder(), list[str]()
    with httpx.stream("POST", url, json=body, timeout=300) as answer:
        for piece in answer.iter_bytes():
            said += [frame.data for frame in decoder.feed(piece)]
            if len(said) >= 2:
                gate.set()
    assert [json.loads(line)["data"] for line in said[:-1]] == ["# A ", "part", "# Whole", "# Whole"]
    assert said[-1] == "[DONE]"


def test_what_is_said_beside_calls_is_no_report(serve: Serve) -> None:
    server = serve(saying(code("First I look.", "1 + 1"), ["The ", "report."]))
    told = messages(post(server, "report", requestId=ID, task="t", fileType="markdown"))
    assert [message["data"] for message in told] == ["The ", "report.", "The report."]
    assert [file["fileName"] for file in told[-1]["fileInfo"]] == ["report.md"]


PAGE = "<!DOCTYPE html>\n<html><body>四十二</body></html>"
HTML = {
    "a-page": (PAGE, PAGE),
    "fenced": (f"```html\n{PAGE}\n```", PAGE),
    "jdgenie-fenced": (f"```\nhtml\n{PAGE}\n```", PAGE),
}


@pytest.mark.parametrize(("said", "page"), HTML.values(), ids=HTML)
def test_a_page_is_kept_as_a_page(serve: Serve, said: str, page: str) -> None:
    told = messages(post(serve(saying(said)), "report", requestId=ID, task="t", fileName="r.html"))
    (file,) = told[-1]["fileInfo"]
    assert (told[-1]["data"], file["fileName"]) == (page, "r.html")
    assert file["fileSize"] == len(page.encode())
    shown = httpx.get(file["domainUrl"], timeout=BOUND_S)
    assert (shown.text, shown.headers["content-type"]) == (page, "text/html; charset=utf-8")


def test_an_answer_that_is_no_page_becomes_a_harmless_one(serve: Serve) -> None:
    told = messages(post(serve(saying("A & <script>B</script>")), "report", requestId=ID, task="t"))
    assert [message["data"] for message in told] == ["A & <script>B</script>"] * 2
    (file,) = told[-1]["fileInfo"]
    page = httpx.get(file["domainUrl"], timeout=BOUND_S).text
    assert file["fileName"] == "report.html"
    assert page.startswith("<!doctype html>")
    assert "<p>A &amp; &lt;script&gt;B&lt;/script&gt;</p>" in page
    assert "<script" not in page


def test_a_report_in_one_piece(serve: Serve) -> None:
    server = serve(saying(PIECES))
    told = post(server, "report", requestId=ID, task="t", fileType="markdown", stream=False).json()
    (file,) = told.pop("fileInfo")
    assert told == {"code": 200, "data": REPORT, "requestId": ID}
    assert httpx.get(file["downloadUrl"], timeout=BOUND_S).text == REPORT
    assert file["fileSize"] == len(REPORT.encode())


def test_a_language_model_is_told_what_form_the_report_takes(serve: Serve) -> None:
    model = saying("# R")
    post(serve(model), "report", requestId=ID, task="The task.", fileType="markdown")
    asked = model.asked[0][-1].content
    assert "The task.\n\nWork it out first, then write it as a report with the tool report." in asked


def reporting(*pieces: str) -> gn.ScriptedModel:
    """A model that calls the report tool, writes these pieces there, and has a last word."""
    return saying(gn.Say("", [("report", {"task": "t"})]), list(pieces), "It is written.")


@pytest.mark.parametrize(
    ("kind", "name", "begins"),
    [("html", "报告.html", b"<!doctype html>"), ("ppt", "报告.pptx", b"PK"), ("markdown", "报告.md", b"# R")],
)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "one-piece"])
def test_what_the_report_tool_writes_leaves_live_and_its_file_is_named(
    serve: Serve, kind: str, name: str, begins: bytes, stream: bool
) -> None:
    server = serve(reporting("# R", "\n\nIt ", "is."), settings={"slide_pictures": False})
    asked = {"requestId": ID, "task": "t", "fileName": "报告", "fileType": kind, "stream": stream}
    answer = post(server, "report", **asked)
    told = messages(answer) if stream else [answer.json()]
    if stream:
        assert [message["data"] for message in told[:-1]] == ["# R", "\n\nIt ", "is."]
    (file,) = told[-1]["fileInfo"]
    content = httpx.get(file["downloadUrl"], timeout=BOUND_S).content
    assert told[-1]["data"] == "# R\n\nIt is."
    assert (file["fileName"], file["fileSize"], content[: len(begins)]) == (name, len(content), begins)


def test_jdgenies_fixed_template_is_a_dashboard(serve: Serve) -> None:
    for template, look in (("fix", '<body class="dashboard">'), ("empty", "<body>")):
        told = messages(post(serve(reporting("# R")), "report", requestId=ID, task="t", templateType=template))
        assert look in httpx.get(told[-1]["fileInfo"][0]["downloadUrl"], timeout=BOUND_S).text


@pytest.mark.parametrize("name", ["../r", "/etc/passwd", "a\0b", "con", "x" * 500, "a/b"])
def test_a_hostile_name_is_one_sentence(serve: Serve, name: str) -> None:
    (told,) = messages(post(serve(saying("# R")), "report", requestId=ID, task="t", fileName=name))
    assert "file name" in told["error"]
    assert told["fileInfo"] == []


def test_the_offline_analyst_writes_reports_too_and_says_so(serve: Serve) -> None:
    server = serve("offline")
    upload(server, "sales.csv", "地区,营收\n华东,3\n华北,5\n华东,4\n".encode())
    asked = {"requestId": ID, "task": "按地区统计总营收", "fileNames": ["sales.csv"], "fileType": "html"}
    told = messages(post(server, "report", **asked))
    page = httpx.get(told[-1]["fileInfo"][0]["downloadUrl"], timeout=BOUND_S).text
    assert told[-1]["data"].startswith("# 按地区统计总营收")
    assert "没有使用语言模型" in page
    assert "<svg" in page


def searching(tmp_path: Path, **search: Any) -> dict[str, Any]:
    """Settings with two notes to search."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "plan.md").write_text("# Costs\n\nThe heat pump costs 12,400 euro.\n")
    (folder / "计划.md").write_text("# 补贴\n\n国家补贴百分之三十。\n", encoding="utf-8")
    return {"search": {"folders": (folder,), "index_folder": tmp_path / "index", **search}}


def thinking(*answers: str) -> gn.ScriptedModel:
    """A model that searches in two rounds and answers in pieces."""
    again = '{"enough": false, "why": "The subsidy is missing.", "queries": ["补贴"]}'
    enough = '{"enough": true, "why": "All is there.", "queries": []}'
    return gn.ScriptedModel([gn.Say("heat pump\nprice"), gn.Say(again), gn.Say(enough), gn.Say(answers)])


def test_a_search_is_told_round_by_round_with_each_querys_finds_beside_it(serve: Serve, tmp_path: Path) -> None:
    server = serve(thinking("It costs ", "12,400 euro [1]."), settings=searching(tmp_path))
    told = messages(
        post(server, "deepsearch", request_id="r:abc", query="谁?", agent_id="1", maxLoop=3, src_configs={"bing": {}})
    )
    assert [message["messageType"] for message in told][:4] == ["extend", "search", "extend", "search"]
    assert all((message["requestId"], message["query"]) == ("r:abc", "谁?") for message in told)
    assert told[0]["searchResult"] == {"query": ["heat pump", "price"], "docs": [[], []]}
    (pump, price), (again,) = told[1]["searchResult"]["docs"], told[3]["searchResult"]["docs"]
    assert [doc["content"] for doc in pump] == ["The heat pump costs 12,400 euro."]
    assert price == []
    assert [doc["data"]["source"] for doc in again] == ["notes/计划.md#补贴"]
    assert {message["messageType"] for message in told[4:]} == {"report"}
    assert "".join(message["answer"] for message in told[4:]) == "It costs 12,400 euro [1]."
    assert [message["isFinal"] for message in told] == [False] * (len(told) - 1) + [True]
    assert told[-1]["answer"] == ""


def test_a_search_has_the_rounds_that_are_asked_for_and_heeds_the_stream_mode(serve: Serve, tmp_path: Path) -> None:
    model = gn.ScriptedModel(
        [gn.Say("heat"), gn.Say('{"enough": false, "queries": ["more"]}'), gn.Say(["a", "b", "c", "d"])]
    )
    server = serve(model, settings=searching(tmp_path))
    mode = {"mode": "token", "token": 2}
    told = messages(post(server, "deepsearch", request_id="r", query="q", maxLoop=1, streamMode=mode))
    assert [message["messageType"] for message in told] == ["extend", "search", "report", "report", "report"]
    assert [message["answer"] for message in told[2:]] == ["ab", "cd", ""]


def test_a_search_without_anything_to_search_says_why(serve: Serve, tmp_path: Path) -> None:
    settings = {"search": {"folders": (tmp_path / "nowhere",), "index_folder": tmp_path / "index"}}
    told = messages(post(serve(saying("heat pump", "{}"), settings=settings), "deepsearch", request_id="r", query="q"))
    assert told[-1]["isFinal"]
    assert "does not exist" in told[-1]["error"]


BODIES = {
    "no-json": ("code_interpreter", b"{"),
    "a-list": ("report", b"[]"),
    "no-id": ("code_interpreter", b'{"task": "t"}'),
    "unknown-type": ("report", b'{"requestId": "r", "fileType": "pdf"}'),
    "unknown-mode": ("report", b'{"requestId": "r", "streamMode": {"mode": "all"}}'),
    "token-0": ("report", b'{"requestId": "r", "streamMode": {"mode": "token", "token": 0}}'),
    "no-query": ("deepsearch", b'{"request_id": "r"}'),
    "too-many-files": ("report", json.dumps({"requestId": "r", "fileNames": ["http://127.0.0.1/a"] * 101}).encode()),
    "files-no-list": ("code_interpreter", b'{"requestId": "r", "fileNames": {"a": 1}}'),
}


@pytest.mark.parametrize(("tool", "body"), BODIES.values(), ids=BODIES)
def test_a_bad_body_is_told_as_fastapi_tells_it(serve: Serve, tool: str, body: bytes) -> None:
    answer = httpx.post(f"{serve(saying()).address}/v1/tool/{tool}", content=body, timeout=BOUND_S)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert (detail["loc"], detail["type"]) == (["body"], "value_error")


def test_a_body_that_grows_too_large_is_refused(serve: Serve) -> None:
    def growing() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    server = serve(saying(), max_body_mib=1)
    answer = httpx.post(f"{server.address}/v1/tool/report", content=growing(), timeout=BOUND_S)
    assert answer.status_code == 413


@pytest.mark.parametrize("tool", ["auto_analysis", "nl2sql", "table_rag", "cal_engine", "sopRecall"])
def test_other_tools_are_none_of_ours(serve: Serve, tool: str) -> None:
    answer = post(serve(saying()), tool, requestId=ID)
    assert answer.status_code == 501
    assert tool in answer.json()["error"]["message"]


def test_heartbeats_are_sent_while_the_code_runs(serve: Serve) -> None:
    gate = threading.Event()

    def wait() -> str:
        """Wait."""
        gate.wait(120)
        return "ok"

    server = serve(saying(gn.Say("", [("wait", {})]), "Done."), tools=[gn.tool(wait)], tool_heartbeat_s=0.05)
    url, heard = f"{server.address}/v1/tool/code_interpreter", b""
    with httpx.stream("POST", url, json={"requestId": ID, "task": "t"}, timeout=300) as answer:
        for piece in answer.iter_bytes():
            heard += piece
            if heard.count(b"data: heartbeat\r\n\r\n") >= 2:
                gate.set()
    assert heard.endswith(b"data: [DONE]\r\n\r\n")
    assert heard.startswith(b"data: heartbeat\r\n\r\ndata: heartbeat\r\n\r\n")


def test_a_server_without_this_service_has_none_of_its_routes(serve: Serve) -> None:
    server = serve(saying(), services=["agent"])
    assert post(server, "report", requestId=ID).status_code == 404
    assert httpx.get(f"{server.address}/v1/file_tool/preview/a/b", timeout=BOUND_S).status_code == 404


def test_a_file_that_cannot_be_kept_does_no_harm(serve: Serve) -> None:
    server = serve(saying(code("", "open('a.txt', 'w').write('x' * 2_000_000)"), "Done."), max_upload_mib=1)
    told = messages(post(server, "code_interpreter", requestId=ID, task="t"))
    assert told[-1]["codeOutput"] == "Done."
    assert httpx.get(told[-1]["fileInfo"][0]["downloadUrl"], timeout=BOUND_S).status_code == 404
    assert FileShelf.of(server.host).listed(ID) == []
