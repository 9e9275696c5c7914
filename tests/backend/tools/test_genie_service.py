"""JDGenie's tool service as tools: against our own service, and against one that cuts, stalls and lies."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.backend.context import RunContext
from genie_nb.backend.server.serving import Server
from genie_nb.backend.tools.base import Tool
from genie_nb.backend.tools.genie_service import GenieToolService, ServiceLimits, tools_of
from genie_nb.errors import SettingsError, ToolFailed
from genie_nb.events import FileCreated, RunStarted, TextDelta, TextFinished, ToolOutput, ToolStarted
from genie_nb.parts import CodePart, DocumentPart, FileRef
from tests.fakes import a_call, events_of, make_context, of_kind, run

DONE = b"data: [DONE]\r\n\r\n"
BEAT = b"data: heartbeat\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def frame(**message: Any) -> bytes:
    return b"data: " + json.dumps({"requestId": "run", **message}, ensure_ascii=False).encode() + b"\r\n\r\n"


def chunked(*pieces: bytes, whole: bool = True) -> bytes:
    """A streamed answer; without its last chunk it is cut."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + body + (b"0\r\n\r\n" if whole else b"")


class Script:
    """A service that sends exactly these bytes to a path, and keeps what it was asked."""

    def __init__(self, answers: dict[str, bytes], *, stalls: bool = False) -> None:
        self.answers, self.stalls = answers, stalls
        self.asked: list[tuple[str, bytes]] = []
        self.left: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.left:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.asked.append((path, await _body(reader, head.lower())))
        answer = next((answer for name, answer in self.answers.items() if path.startswith(name)), b"")
        writer.write(answer)
        await writer.drain()
        if self.stalls and path.startswith("/v1/tool/"):
            self.left.append(writer)
        else:
            writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"content-length:" in head:
        return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    body = b""
    while b"transfer-encoding: chunked" in head and (size := int(await reader.readline(), 16)):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "销售 100%.csv").write_text("a\n1\n", encoding="utf-8")
    context = make_context(folder, query="How many?")
    context.workspace.changed()
    file = FileRef(name="销售 100%.csv", size=4, media_type="text/csv", sha256="")
    context.printer.emit(RunStarted(query="How many?", agent="react", model="m", badge="", files=(file,)))
    for number in (1, 2, 3):
        context.printer.emit(ToolStarted(call_id=f"c{number}", tool="code_interpreter", assignee="a"))
    return context


async def using(url: str, context: RunContext, work: Callable[[Tool, Tool], Any], **limits: Any) -> Any:
    """Work with the two tools of a service."""
    code, report = tools_of(url, context.workspace, limits=ServiceLimits(**limits))
    try:
        return await work(code, report)
    finally:
        await asyncio.gather(code.close(), report.close())


def ask(script: Script, context: RunContext, *, report: bool = False, limits: Any = None, **arguments: Any) -> str:
    """What the model is told of one call, made to a scripted service."""

    async def work() -> Any:
        async with script as url:
            call = a_call(context, **{"task": "Count.", **arguments})
            return await using(url, context, lambda code, writer: (writer if report else code).call(call), **(limits or {}))

    return str(run(work()))


def code_script(*pieces: bytes, whole: bool = True, **options: Any) -> Script:
    code = chunked(*pieces, whole=whole)
    answers = {"/v1/tool/code_interpreter": code, "/v1/file_tool/upload": OK, **options.pop("more", {})}
    return Script(answers, **options)


def shown(context: RunContext) -> list[Any]:
    return [event.part for event in of_kind(events_of(context), ToolOutput)]


# Against our own service


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*replies: gn.Say, **options: Any) -> Server:
        settings = {"runs_folder": tmp_path / "server"}
        servers.append(gn.serve(model=gn.ScriptedModel(replies), settings=settings, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_code_runs_there_with_the_files_of_here_and_its_files_come_here(
    serve: Callable[..., Server], context: RunContext
) -> None:
    there = "text = open('销售 100%.csv').read()\nopen('结果.csv', 'w').write(text * 2)"
    server = serve(gn.Say("", [("code_interpreter", {"code": there})]), gn.Say("四十二 🎉"))
    call = a_call(context, task="Double it.")
    told = run(using(server.address, context, lambda code, _: code.call(call)))
    assert told == "四十二 🎉\nfile: 结果.csv"
    assert context.workspace.read("结果.csv") == b"a\n1\na\n1\n"
    assert shown(context) == [CodePart(code=there), DocumentPart(text="四十二 🎉", media_type="text/markdown")]
    assert [event.file.name for event in of_kind(events_of(context), FileCreated)] == ["结果.csv"]
    assert server.host.archive.kept()[0].run.query == "Double it."


def test_a_report_is_written_there_and_seen_here(serve: Callable[..., Server], context: RunContext) -> None:
    server = serve(gn.Say(["# Ti", "tle"] + ["."] * 20))
    call = a_call(context, task="Report.", fileName="r")
    told = run(using(server.address, context, lambda _, report: report.call(call)))
    text = "# Title" + "." * 20
    assert told == f"{text}\nfile: r.md"
    assert context.workspace.read("r.md").decode() == text
    assert [event.text for event in of_kind(events_of(context), TextDelta)] == ["# Title" + "." * 8, "." * 10, ".."]
    (finished,) = of_kind(events_of(context), TextFinished)
    assert (finished.text, finished.channel) == (text, "report")


def test_a_page_is_shown_whole(serve: Callable[..., Server], context: RunContext) -> None:
    page = "<!DOCTYPE html><html>x</html>"
    server = serve(gn.Say(page))
    told = run(using(server.address, context, lambda _, report: report.call(a_call(context, task="R", fileType="html"))))
    assert told == f"{page}\nfile: report.html"
    assert shown(context) == [DocumentPart(text=page, media_type="text/html")]


def test_a_failure_there_is_told_here(serve: Callable[..., Server], context: RunContext) -> None:
    server = serve()
    with pytest.raises(ToolFailed, match="The tool service failed: The script of the scripted model"):
        run(using(server.address, context, lambda code, _: code.call(a_call(context, task="?"))))


# Against a script


def test_what_is_asked_is_what_jdgenies_backend_asks(context: RunContext) -> None:
    script = code_script(frame(codeOutput="42", isFinal=True), DONE)
    assert ask(script, context) == "42"
    (path, form), (_, body) = script.asked
    assert path == "/v1/file_tool/upload_file_data"
    assert b'name="requestId"\r\n\r\nrun\r\n' in form
    assert b'name="file"; filename="%E9%94%80%E5%94%AE%20100%25.csv"\r\n' in form
    assert b"\r\n\r\na\n1\n\r\n--" in form
    assert json.loads(body) == {
        "requestId": "run",
        "query": "How many?",
        "task": "Count.",
        "fileNames": ["销售 100%.csv"],
        "stream": True,
    }
    script = Script({"/v1/tool/report": chunked(frame(data="R", isFinal=True), DONE), "/v1/file_tool/upload": OK})
    ask(script, context, report=True, fileName="f", fileDescription="d", fileType="html")
    asked = json.loads(script.asked[-1][1])
    assert {name: asked[name] for name in ("fileName", "fileDescription", "fileType", "templateType")} == {
        "fileName": "f",
        "fileDescription": "d",
        "fileType": "html",
        "templateType": "empty",
    }
    assert (asked["contentStream"], asked["streamMode"]) == (True, {"mode": "token", "token": 10})


def test_heartbeats_and_cuts_anywhere_change_nothing(context: RunContext) -> None:
    stream = BEAT + frame(code="x = '多'", isFinal=False) + BEAT + frame(codeOutput="四十二", isFinal=True) + DONE
    pieces = [stream[place : place + 1] for place in range(len(stream))]
    assert ask(code_script(*pieces), context) == "四十二"
    assert shown(context) == [CodePart(code="x = '多'"), DocumentPart(text="四十二", media_type="text/markdown")]


def test_a_file_is_brought_once_and_again_when_it_has_changed(context: RunContext) -> None:
    script = code_script(frame(codeOutput="1", isFinal=True), DONE)

    async def work() -> list[int]:
        counts = list[int]()

        async def three_times(code: Tool, _: Tool) -> None:
            for number in (1, 2, 3):
                if number == 3:
                    (context.workspace.folder / "销售 100%.csv").write_text("much more", encoding="utf-8")
                await code.call(a_call(context, f"c{number}", task="t"))
                counts.append(sum("upload" in path for path, _ in script.asked))

        async with script as url:
            await using(url, context, three_times)
        return counts

    assert run(work()) == [1, 1, 2]


CODE = frame(code="1", isFinal=False)
FINAL = frame(codeOutput="42", isFinal=True)
BROKEN = {
    "cut-in-a-chunk": (chunked(CODE, whole=False) + b"ff\r\ndata: {", "truncated"),
    "cut-between-chunks": (chunked(CODE, FINAL, whole=False), "truncated"),
    "ends-without-done": (chunked(CODE, FINAL), "truncated: it ended without saying that it is done"),
    "ends-in-a-frame": (chunked(CODE, FINAL[:-4]), "truncated"),
    "ends-at-once": (chunked(), "truncated"),
    "only-heartbeats": (chunked(BEAT, BEAT), "truncated"),
    "says-nothing-at-all": (b"", "truncated"),
    "error": (chunked(CODE, frame(error="no key", isFinal=True), DONE), "The tool service failed: no key"),
    "no-json": (chunked(b"data: <html>\r\n\r\n", DONE), "no message: '<html>'"),
    "a-list": (chunked(b"data: [1]\r\n\r\n", DONE), r"no message: '\[1\]'"),
    "deep-json": (chunked(b"data: " + b"[" * 100_000 + b"\r\n\r\n", DONE), "no message"),
    "500": (b"HTTP/1.1 500 X\r\nContent-Length: 23\r\n\r\nUnexpected error: a bug", "answered 500: Unexpected error: a bug"),
    "404": (b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "answered 404: nothing more"),
    "redirect": (b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
    "no-http": (b"hello\r\n\r\n", "truncated"),
}


@pytest.mark.parametrize(("answer", "why"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("tool", ["code_interpreter", "report"])
def test_a_stream_that_goes_wrong_is_a_failure_in_one_sentence(
    context: RunContext, tool: str, answer: bytes, why: str
) -> None:
    script = Script({f"/v1/tool/{tool}": answer, "/v1/file_tool/upload": OK})
    with pytest.raises(ToolFailed, match=why):
        ask(script, context, report=tool == "report")


@pytest.mark.parametrize("name", ["销售 100%", "销售 100%.xlsx", "data/销售 100%.csv"])
def test_a_file_is_found_by_the_stem_of_its_name(context: RunContext, name: str) -> None:
    script = code_script(FINAL, DONE)
    ask(script, context, fileNames=[name, "销售 100%.csv"])
    asked = json.loads(dict(script.asked)["/v1/tool/code_interpreter"])
    assert asked["fileNames"] == ["销售 100%.csv"]


def test_a_name_that_is_none_is_told_with_those_that_are(context: RunContext) -> None:
    with pytest.raises(ToolFailed, match=r"There is no file 'staff\.csv'\. There are: 销售 100%\.csv\."):
        ask(code_script(FINAL, DONE), context, fileNames=["staff.csv"])


def test_what_a_service_says_of_the_request_is_told_beside_the_report(context: RunContext) -> None:
    final = frame(data="# T", note="There is no file 'a.csv'.", isFinal=True, fileInfo=[])
    script = Script({"/v1/tool/report": chunked(final, DONE), "/v1/file_tool/upload": OK})
    assert ask(script, context, report=True) == "# T\nThere is no file 'a.csv'."


def test_a_report_that_breaks_off_is_closed(context: RunContext) -> None:
    script = Script({"/v1/tool/report": chunked(frame(data="# T", isFinal=False)), "/v1/file_tool/upload": OK})
    with pytest.raises(ToolFailed, match="truncated"):
        ask(script, context, report=True)
    assert [event.text for event in of_kind(events_of(context), TextFinished)] == ["# T"]


def test_a_service_that_falls_silent_is_given_up(context: RunContext) -> None:
    script = code_script(CODE, BEAT, whole=False, stalls=True)
    with pytest.raises(ToolFailed, match=r"said nothing for 0\.3 s"):
        ask(script, context, limits={"idle_s": 0.3})


def test_a_service_that_is_not_there_is_told_with_its_address(context: RunContext) -> None:
    async def work() -> None:
        async with Script({}) as url:
            pass
        with pytest.raises(ToolFailed, match=f"at {url} cannot be reached"):
            await using(url, context, lambda code, _: code.call(a_call(context, task="t")))

    run(work())


def test_a_service_that_takes_no_files_is_told(context: RunContext) -> None:
    refusing = {"/v1/file_tool/upload": b"HTTP/1.1 413 X\r\nContent-Length: 9\r\n\r\ntoo large"}
    with pytest.raises(ToolFailed, match="answered 413: too large"):
        ask(code_script(FINAL, DONE, more=refusing), context)
    with pytest.raises(ToolFailed, match="larger than 0 MiB, so it was not brought"):
        ask(code_script(FINAL, DONE), context, limits={"file_mib": 0})


def named(*names: str) -> list[dict[str, Any]]:
    return [{"fileName": name, "downloadUrl": "http://169.254.169.254/x", "fileSize": 1} for name in names]


def fetching(*names: str, **options: Any) -> Script:
    final = frame(codeOutput="42", fileInfo=named(*names), isFinal=True)
    content = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    return code_script(final, DONE, more={"/v1/file_tool/download/": content, **options.pop("more", {})}, **options)


HOSTILE = {
    "traversal": ("../x", "x"),
    "deep-traversal": ("../../../../etc/cron.d/x", "x"),
    "absolute": ("/etc/passwd", "passwd"),
    "backslashes": ("..\\..\\up.csv", "up.csv"),
    "dots": ("...", "file"),
    "hidden": (".inputs", "inputs"),
    "nul": ("a\x00b", "a_b"),
    "colon": ("a:b.csv", "a_b.csv"),
    "long": ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    "chinese": ("代码输出.md", "代码输出.md"),
    "emoji": ("🎉.csv", "🎉.csv"),
    "an-input": ("销售 100%.csv", "_销售 100%.csv"),
}


@pytest.mark.parametrize(("name", "here"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_comes_into_the_runs_folder_whatever_its_name(
    context: RunContext, tmp_path: Path, name: str, here: str
) -> None:
    script = fetching(name)
    assert ask(script, context) == f"42\nfile: {here}"
    assert context.workspace.read(here) == b"abc"
    assert context.workspace.read("销售 100%.csv") == b"a\n1\n"
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {f"run/{here}", "run/销售 100%.csv"}
    assert script.asked[-1][0].startswith("/v1/file_tool/download/run/")  # never at the address that it names itself


def test_a_file_that_cannot_be_fetched_is_told_and_nothing_is_left(context: RunContext, tmp_path: Path) -> None:
    absent = {"/v1/file_tool/download/": b"HTTP/1.1 404 X\r\nContent-Length: 14\r\n\r\nFile not found"}
    told = ask(fetching("a.csv", "a.csv", more=absent), context)
    assert told.startswith("42\nnot fetched: a.csv (The tool service at http://127.0.0.1:")
    assert told.count("not fetched") == 1
    cut = {"/v1/file_tool/download/": b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc"}
    assert "truncated" in ask(fetching("a.csv", more=cut), context)
    (context.workspace.folder / "a.csv").mkdir()
    assert "cannot be written" in ask(fetching("a.csv"), context)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["销售 100%.csv"]


@pytest.mark.parametrize("name", [".", ".."])
def test_a_file_whose_name_no_address_can_carry_is_not_asked_for(context: RunContext, name: str) -> None:
    script = fetching(name)
    assert ask(script, context) == f"42\nnot fetched: {name} ({name!r} is no name for a file.)"
    assert script.asked[-1][0] == "/v1/tool/code_interpreter"


def test_a_file_that_is_too_large_is_not_fetched(context: RunContext, tmp_path: Path) -> None:
    large = {"/v1/file_tool/download/": chunked(*([b"x" * 100_000] * 12))}
    told = ask(fetching("a.bin", more=large), context, limits={"file_mib": 1})
    assert "larger than 1 MiB, so it was not fetched" in told
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["销售 100%.csv"]


def test_no_more_files_of_a_run_are_fetched_than_its_limits_allow(context: RunContext) -> None:
    names = [f"{number}.csv" for number in range(5)]

    async def work(code: Tool, _: Tool) -> list[str]:
        return [str(await code.call(a_call(context, call_id, task="Count."))) for call_id in ("c1", "c2")]

    async def main(script: Script, **limits: int) -> list[str]:
        async with script as url:
            return await using(url, context, work, **limits)

    script = fetching(*names)
    first, second = run(main(script, files=3))
    assert first.endswith(
        "file: 2.csv\nnot fetched: 2 more files (of one run no more than 3 files and 1000 MiB are fetched)"
    )
    assert "file: " not in second
    assert sum("/download/" in path for path, _ in script.asked) == 3


def test_no_more_bytes_of_a_run_are_fetched_than_its_limits_allow(context: RunContext, tmp_path: Path) -> None:
    content = {"/v1/file_tool/download/": chunked(*([b"x" * 2**18] * 3))}
    told = ask(fetching("a", "b", "c", more=content), context, limits={"total_mib": 1})
    assert told.count("file: ") == 1
    assert told.count("larger than 0.25 MiB, so it was not fetched") == 2
    whole = {"/v1/file_tool/download/": chunked(*([b"x" * 2**18] * 4))}
    told = ask(fetching("d", "e", "f", more=whole), context, limits={"total_mib": 1})
    assert told == "42\nfile: d\nnot fetched: 2 more files (of one run no more than 100 files and 1 MiB are fetched)"


ODD = {
    "null-fields": {"code": None, "codeOutput": None, "fileInfo": None},
    "numbers": {"code": 1, "codeOutput": 2, "fileInfo": 3},
    "odd-files": {"fileInfo": [None, 1, {}, {"fileName": None}, {"fileName": 5}, {"fileName": ""}]},
    "no-fields": {},
}


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD)
def test_odd_fields_are_no_fault(context: RunContext, fields: dict[str, Any]) -> None:
    assert ask(code_script(frame(**fields, isFinal=True), DONE), context) == "(the code showed nothing)"


WRONG = {
    "no-text": ({"task": 5}, "must be the task as text"),
    "empty": ({"task": " "}, "must be the task as text"),
    "no-such-file": ({"fileNames": ["a.csv"]}, r"no file 'a.csv'. There are: 销售 100%.csv"),
    "another-file": ({"fileNames": ["/etc/passwd"]}, "no file '/etc/passwd'"),
    "surrogate": ({"task": "\ud800", "fileNames": ["\ud800"]}, "no file '\\?'"),
}


@pytest.mark.parametrize(("arguments", "why"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told_to_the_model(context: RunContext, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        ask(code_script(FINAL, DONE), context, **arguments)


def test_a_report_of_another_type_is_refused(context: RunContext) -> None:
    with pytest.raises(ToolFailed, match="must be markdown, html or ppt, not 'pdf'"):
        ask(code_script(FINAL, DONE), context, report=True, fileType="pdf")


def test_a_file_that_is_gone_is_told(context: RunContext) -> None:
    (context.workspace.folder / "销售 100%.csv").unlink()
    with pytest.raises(ToolFailed, match="The run has no file"):
        ask(code_script(FINAL, DONE), context)


@pytest.mark.parametrize("url", ["", "localhost:1601", "ftp://h/", "http://", "http://h:x", "http://h:99999", "/tmp/x"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="'tool_url'"):
        GenieToolService(url)


def test_a_file_in_a_folder_is_brought_under_a_flat_name(context: RunContext) -> None:
    (context.workspace.folder / "sub").mkdir()
    (context.workspace.folder / "sub" / "a.csv").write_bytes(b"1")
    for file in context.workspace.changed():
        context.printer.emit(FileCreated(file=file))
    script = code_script(FINAL, DONE)
    ask(script, context, fileNames=["sub/a.csv"])
    assert json.loads(script.asked[-1][1])["fileNames"] == ["sub_a.csv"]
    assert b'filename="sub_a.csv"' in script.asked[0][1]


def test_closing_ends_a_call_that_waits(context: RunContext) -> None:
    async def work() -> None:
        async with code_script(CODE, whole=False, stalls=True) as url:
            code, _ = tools_of(url, context.workspace)
            call = asyncio.create_task(code.call(a_call(context, task="t")))
            while not shown_now(context):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await code.close()
            await code.close()

    run(work())


def shown_now(context: RunContext) -> int:
    """How many parts were printed so far."""
    return sum(len(call.parts) for call in context.printer.transcript.calls.values())
