"""Extras: what of them is missing, and the one sentence that each use of a missing one gives."""

import signal
import sys
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

import genie_nb as gn
from genie_nb.backend import extras
from genie_nb.backend.extras import Extras, hint_for_import
from genie_nb.backend.inputs import profile_file
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.mcp.sessions import McpServer, McpSessions
from genie_nb.backend.reports.building import Order, build
from genie_nb.backend.search.pdf_text import pdf_pages
from genie_nb.backend.search.walking import Walk
from genie_nb.backend.tools.code_interpreter import CodeInterpreter
from genie_nb.backend.tools.report import report_tool
from genie_nb.cli import app
from genie_nb.errors import LinkError, RequestError, SettingsError, ToolFailed
from genie_nb.events import ToolOutput, ToolStarted
from genie_nb.network import serve_stdio
from genie_nb.parts import ErrorPart
from tests.backend.documents import pdf, workbook
from tests.fakes import ChunkModel, FakeRunner, a_call, events_of, make_context, of_kind, run

REQUIRES = [
    "httpx>=0.27",
    'backport>=1; python_version < "3"',
    'fastapi>=0.115; extra == "server"',
    'uvicorn>=0.32; extra == "server"',
    'mcp>=2.3; extra == "mcp"',
]


def installed(**versions: str) -> Extras:
    """A machine with these libraries."""

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    return Extras(lambda package: REQUIRES, version)


SENTENCES = {
    "nothing is missing": ({"fastapi": "0.115", "uvicorn": "1", "mcp": "2.3"}, ""),
    "one library": ({"fastapi": "0.115", "mcp": "3"}, 'It needs the extra "server": pip install "genie_nb[server]".'),
    "too old": (
        {"fastapi": "0.115", "uvicorn": "0.32", "mcp": "1.9"},
        'It needs the extra "mcp": pip install "genie_nb[mcp]" (mcp 1.9 is too old).',
    ),
    "two extras": ({}, 'It needs the extras "server" and "mcp": pip install "genie_nb[server,mcp]".'),
}


@pytest.mark.parametrize(("versions", "sentence"), SENTENCES.values(), ids=SENTENCES.keys())
def test_what_is_missing_is_named_by_its_extra(versions: dict[str, str], sentence: str) -> None:
    said = installed(**versions).missing("It", "server", "mcp")

    assert said == sentence


def test_only_the_libraries_that_matter_are_looked_for() -> None:
    machine = installed(uvicorn="1")

    assert machine.missing("It", "server", only=("uvicorn",)) == ""
    assert machine.missing("It", "server", only=("fastapi",)) != ""


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes libraries away, as if they had never been installed."""

    def take_away(*names: str) -> None:
        def version(name: str) -> str:
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return metadata.version(name)

        monkeypatch.setattr(extras, "_installed", Extras(version=version))
        monkeypatch.setattr(extras, "_complete", set())

    return take_away


def needs(extra: str) -> str:
    """What a sentence about a missing extra says, as a pattern."""
    return rf'needs the extra "{extra}": pip install "genie_nb\[{extra}\]"\.'


def test_what_is_installed_later_is_found_without_a_restart(without: Callable[..., None]) -> None:
    without("fastapi")
    assert extras.missing_extra("It", "server")
    without()
    assert not extras.missing_extra("It", "server")


def test_a_server_says_what_it_needs(without: Callable[..., None]) -> None:
    without("uvicorn")
    with pytest.raises(SettingsError, match=rf"^gn\.serve {needs('server')}$"):
        gn.serve()
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    ended = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert (ended.exit_code, "Traceback" in ended.output) == (2, False)


@pytest.mark.parametrize("service", ["mcp", "offer"])
def test_a_service_that_is_asked_for_by_name_says_what_it_needs(service: str, without: Callable[..., None]) -> None:
    without("mcp")
    with pytest.raises(SettingsError, match=rf"^The service {service} {needs('mcp')}$"):
        gn.serve(services=("agent", service))


def test_a_server_of_everything_works_without_mcp_and_says_so_where_it_is_asked_for(without: Callable[..., None]) -> None:
    without("mcp")
    with gn.serve(model="offline") as server:
        token = {"authorization": f"Bearer {server.host.token}"}
        assert httpx.get(f"{server.address}/health").json()["status"] == "ok"
        answer = httpx.post(f"{server.address}/mcp", headers=token, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        501, '/mcp needs the extra "mcp": pip install "genie_nb[mcp]".')  # fmt: skip


def test_being_an_mcp_server_needs_both(without: Callable[..., None]) -> None:
    without("mcp", "fastapi")
    with pytest.raises(SettingsError, match=r'^genie-nb mcp needs the extras "server" and "mcp": pip install'):
        serve_stdio()


@pytest.mark.parametrize("server", [McpServer(url="http://127.0.0.1:9/mcp"), McpServer(command=("true",), name="demo")])
def test_the_tools_of_mcp_servers_say_what_they_need(server: McpServer, without: Callable[..., None]) -> None:
    without("httpx2")

    async def list_tools() -> None:
        sessions = McpSessions()
        try:
            await sessions.list_tools(server)
        finally:
            await sessions.close()

    with pytest.raises(LinkError, match=rf"^The MCP server .* {needs('mcp')}$"):
        run(list_tools())


def test_no_library_of_mcp_is_loaded_to_say_that_it_is_missing(
    without: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    without("mcp", "httpx2")
    known = [name for name in sys.modules if name.partition(".")[0] in ("mcp", "httpx2")]
    for name in {"mcp", "mcp.shared.exceptions", "httpx2", *known}:
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    with pytest.raises(LinkError, match=needs("mcp")):
        run(McpSessions().list_tools(McpServer(command=("true",), name="demo")))


FILES = {
    "a workbook": ("a.xlsx", lambda: workbook({"S": pd.DataFrame({"a": [1]})}), "openpyxl", "The workbook"),
    "a PDF document": ("a.pdf", lambda: pdf("words"), "pypdf", "The PDF document"),
}


@pytest.mark.parametrize(("name", "content", "library", "what"), FILES.values(), ids=FILES.keys())
def test_a_file_says_what_reading_it_needs(
    name: str, content: Callable[[], bytes], library: str, what: str, without: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content())
    assert profile_file(tmp_path / name, name).about

    without(library)
    with pytest.raises(RequestError, match=rf"^{what} {name} {needs('reports')}$"):
        profile_file(tmp_path / name, name)


def test_a_search_says_which_pdfs_it_left_out_and_why(without: Callable[..., None], tmp_path: Path) -> None:
    without("pypdf")
    (tmp_path / "a.pdf").write_bytes(pdf("words"))
    (tmp_path / "a.md").write_text("words")
    left_out: Counter[str] = Counter()
    found = [entry.name for entry in Walk({"notes": tmp_path}, 10, 10**6, left_out).entries()]
    assert found == ["notes/a.md"]
    assert left_out == {'PDFs: Reading PDFs needs the extra "reports": pip install "genie_nb[reports]"': 1}


def test_a_pdf_of_the_web_says_what_it_needs(without: Callable[..., None]) -> None:
    without("pypdf")
    with pytest.raises(ValueError, match=rf"^is a PDF\. Reading PDFs {needs('reports')}$"):
        pdf_pages(pdf("words"))


def test_slides_are_refused_before_a_model_writes_them(without: Callable[..., None], tmp_path: Path) -> None:
    without("python-pptx")
    context, model = make_context(tmp_path), ChunkModel([])
    with pytest.raises(ToolFailed, match=rf"^A report as slides {needs('reports')}$"):
        run(report_tool(context.settings, model).call(a_call(context, task="sales", format="pptx")))
    assert model.asked == []


def test_a_report_that_is_written_already_says_what_slides_need(without: Callable[..., None], tmp_path: Path) -> None:
    without("python-pptx")
    workspace = make_context(tmp_path).workspace
    with pytest.raises(ToolFailed, match=needs("reports")):
        build("# T\n\nwords", Order("pptx"), workspace)
    assert b"words" in build("# T\n\nwords", Order("html"), workspace)


HINTS = {
    "an import": ("ModuleNotFoundError", "No module named 'pptx'", "pptx", "reports"),
    "a part of a library": ("ModuleNotFoundError", "No module named 'pypdf.errors'", "pypdf", "reports"),
    "pandas": ("ImportError", "Missing optional dependency 'openpyxl'.  Use pip or conda.", "openpyxl", "reports"),
    "a newer pandas": ("ImportError", "`Import openpyxl` failed. Use pip or conda.", "openpyxl", "reports"),
}


@pytest.mark.parametrize(("name", "message", "module", "extra"), HINTS.values(), ids=HINTS.keys())
def test_code_that_cannot_import_a_library_is_told_its_extra(
    name: str, message: str, module: str, extra: str, tmp_path: Path
) -> None:
    hint = f'{module} comes with the extra "{extra}": pip install "genie_nb[{extra}]".'
    context = make_context(tmp_path)
    context.printer.emit(ToolStarted(call_id="c1", tool="code_interpreter", assignee="a"))
    failed = ErrorPart(name=name, message=message, traceback=f"line 1\n{name}: {message}")
    tool = CodeInterpreter(FakeRunner(lambda code: [failed, CellFinished("error")]), cell_timeout_s=5.0)

    told = run(tool.call(a_call(context, code="import it")))

    assert told == f"line 1\n{name}: {message}\n{hint}"
    assert of_kind(events_of(context), ToolOutput)[-1].part.message == f"{message} {hint}"


@pytest.mark.parametrize(
    ("name", "message"), [("ModuleNotFoundError", "No module named 'sales'"), ("KeyError", "No module named 'pypdf'")]
)
def test_another_error_is_told_as_it_is(name: str, message: str) -> None:
    assert hint_for_import(name, message) == ""


def test_the_lab_says_what_it_needs(without: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without("jupyterlab")
    (tmp_path / "a.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)

    ended: Any = CliRunner().invoke(app, ["lab", "a.ipynb"])

    assert ended.exit_code == 2
    assert ended.output.strip() == 'genie-nb lab needs the extra "lab": pip install "genie_nb[lab]".'
