"""A real server on a real port: begun, asked, cancelled, drained; as a command too."""

import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.agents import AGENTS
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.server import serving
from genie_nb.backend.server.agent_routes import RunBody
from genie_nb.backend.server.serving import Server
from genie_nb.errors import LinkError, RequestError, SettingsError
from tests.fakes import BOUND_S, collect
from tests.processes import Program

Serve = Callable[..., Server]
CODE = ("code_interpreter", {"code": "open('made.txt', 'w').write('多少')\nprint(42)"})


Connect = Callable[[str], Any]


def gated() -> tuple[Any, Any]:
    """A model that speaks, waits for its gate, and speaks again."""
    gate = threading.Event()

    def wait() -> str:
        """Wait for the gate."""
        gate.wait(120)
        return "opened"

    return [gn.tool(wait)], gate.set


def post(server: Server, path: str, **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {server.host.token}"} | options.pop("headers", {})
    return httpx.post(server.address + path, headers=headers, timeout=300, **options)


def test_a_run_on_a_server_is_the_same_run_with_its_files(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("a\n1\n")
    server = serve(gn.ScriptedModel([gn.Say(["I ", "look."], [CODE]), gn.Say(["四十", "二 🎉"])]))
    run = connect(server.url).ask("多少？", files=tmp_path / "sales.csv", show=False).result(timeout_s=120)
    assert (run.status, run.answer, run.error) == ("finished", "四十二 🎉", None)
    assert run.transcript.badge == "scripted"
    assert run.read_file("made.txt").decode() == "多少"
    assert run.read_file("sales.csv") == b"a\n1\n"
    run.copy_file("sales.csv", tmp_path / "copy.csv", 4)
    with pytest.raises(RequestError, match="lie on its server"):
        _ = run.folder
    assert (tmp_path / "copy.csv").read_bytes() == b"a\n1\n"
    for name, most_bytes, why in (("sales.csv", 3, "too large"), ("nowhere.csv", 9, "could not be fetched")):
        with pytest.raises(RequestError, match=why):
            run.copy_file(name, tmp_path / "copy.csv", most_bytes)
    with pytest.raises(RequestError):
        run.read_file("../../../../etc/passwd")
    there = server.host.archive._kept[run.run_id].run
    assert run.transcript == there.transcript


def test_a_run_on_a_server_is_cancelled_from_here(serve: Serve, connect: Connect) -> None:
    tools, _ = gated()
    server = serve(gn.ScriptedModel([gn.Say("I wait.", [("wait", {})]), gn.Say("done")]), tools=tools)
    run = connect(server.url).ask("?", show=False)

    async def until_it_waits() -> None:
        async for event in run.events():
            if isinstance(event, ev.ToolStarted):
                return

    asyncio.run(asyncio.wait_for(until_it_waits(), 30))
    run.cancel("Enough.")
    run.result(timeout_s=120)
    assert (run.status, str(run.error)) == ("cancelled", "Enough.")


def test_a_failure_there_is_the_same_error_here(serve: Serve, connect: Connect) -> None:
    server = serve(gn.ScriptedModel([]))
    run = connect(server.url).ask("?", show=False).result(timeout_s=120)
    assert run.status == "failed"
    assert type(run.error).__name__ == "ModelError"


def test_a_server_that_is_not_there_fails_the_run_with_its_address(connect: Connect) -> None:
    with socket.socket() as taken:  # nobody else gets it, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        genie = connect(f"http://127.0.0.1:{port}/?token=x")
        object.__setattr__(genie.client._patience, "tries", 2)
        run = genie.ask("?", show=False).result(timeout_s=120)
    assert isinstance(run.error, LinkError)
    assert f"127.0.0.1:{port}" in str(run.error)


def test_asking_again_with_the_same_request_id_joins_the_run(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([gn.Say("one")]))
    body = {"query": "?", "request_id": "r1"}
    first = post(server, "/v1/runs?follow=false", json=body)
    second = post(server, "/v1/runs?follow=false", json=body)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["run_id"] == second.json()["run_id"]
    assert first.headers["location"] == f"/v1/runs/{first.json()['run_id']}"
    other = post(server, "/v1/runs", json=body | {"query": "!"})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "conflict"


def test_a_run_beyond_the_limit_waits_its_turn_and_says_its_place(serve: Serve, connect: Connect) -> None:
    tools, open_gate = gated()
    script = [gn.Say("", [("wait", {})]), gn.Say("a"), gn.Say("b"), gn.Say("c")]
    server = serve(gn.ScriptedModel(script), tools=tools, max_runs=1, max_queue=2)
    genie = connect(server.url)
    runs = [genie.ask("?", show=False)]
    for _ in range(2):
        _until(runs[-1], ev.RunQueued if len(runs) > 1 else ev.ToolStarted)
        runs.append(genie.ask("?", show=False))
    _until(runs[-1], ev.RunQueued)
    refused = post(server, "/v1/runs", json={"query": "?"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "10"
    assert "takes no more for now" in refused.json()["error"]["message"]
    places = [[e.place for e in _events(run) if isinstance(e, ev.RunQueued)] for run in runs[1:]]
    assert places == [[1], [2]]
    open_gate()
    for run in runs:
        assert run.result(timeout_s=120).status == "finished"
    assert [e.place for e in asyncio.run(collect(runs[2].events())) if isinstance(e, ev.RunQueued)] == [2, 1]


def _until(run: Any, kind: type) -> None:
    async def wait() -> None:
        async for event in run.events():
            if isinstance(event, kind):
                return

    asyncio.run(asyncio.wait_for(wait(), 30))


def _events(run: Any) -> list[ev.RunEvent]:
    return [entry.event for entry in run.channel.after(0)]


BODIES = {
    "no-json": (b"{", 422),
    "a-list": (b"[]", 422),
    "no-query": (b"{}", 422),
    "unknown-field": (b'{"query": "?", "base_url": "http://evil"}', 422),
    "query-no-text": (b'{"query": {"a": 1}}', 422),
    "huge-query": (b'{"query": "' + b"x" * 200_000 + b'"}', 422),
    "too-large": (b'{"query": "' + b"x" * 2_000_000 + b'"}', 413),
    "unknown-agent": (b'{"query": "?", "agent": 3}', 422),
    "unknown-upload": (b'{"query": "?", "files": ["../../etc/passwd"]}', 404),
    "bad-deadline": (b'{"query": "?", "deadline_s": -1}', 422),
    "endless-deadline": (b'{"query": "?", "deadline_s": Infinity}', 422),
    "no-deadline": (b'{"query": "?", "deadline_s": NaN}', 422),
    "no-such-agent": (b'{"query": "?", "agent": "chef"}', 422),
    "surrogate-agent": (b'{"query": "?", "agent": "\\ud800"}', 422),
    "surrogate-id": (b'{"query": "?", "request_id": "\\ud800"}', 422),
    "surrogate-field": (b'{"query": "?", "\\ud800": 1}', 422),
    "surrogate-upload": (b'{"query": "?", "files": ["\\ud800"]}', 404),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_bad_question_gets_one_clear_sentence(serve: Serve, body: bytes, status: int) -> None:
    server = serve(gn.ScriptedModel([]), max_body_mib=1)
    answer = post(server, "/v1/runs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("agent", [*AGENTS, None])
def test_every_agent_of_the_house_may_be_asked_for(agent: str | None) -> None:
    assert RunBody.model_validate({"query": "?", "agent": agent}).agent == agent


@pytest.mark.parametrize(("asked", "given"), [(None, 50.0), (20.0, 20.0), (1e9, 50.0)])
def test_a_client_may_ask_for_less_time_than_the_server_gives_but_not_for_more(
    serve: Serve, asked: float | None, given: float
) -> None:
    server = serve(gn.ScriptedModel([gn.Say("one")]), settings={"deadline_s": 50})
    answer = post(server, "/v1/runs?follow=false", json={"query": "?", "deadline_s": asked})
    assert server.host.archive._kept[answer.json()["run_id"]].run.request.settings.deadline_s == given


NAMES = {
    "traversal": ("../../up.csv", "up.csv"),
    "backslashes": ("..\\..\\up.csv", "up.csv"),
    "absolute": ("/etc/passwd", "passwd"),
    "nul": ("a\x00b.csv", "a_b.csv"),
    "long": ("x" * 400 + ".csv", None),
    "windows": ("CON.csv", "_CON.csv"),
    "stream": ("a:b.csv", "a_b.csv"),
    "chinese": ("销售.csv", "销售.csv"),
    "hidden": ("..bashrc", "bashrc"),
    "hidden-once-cut": ("a" * 50 + "." + "x" * 199, "x" * 199),
}


@pytest.mark.parametrize(("name", "kept"), NAMES.values(), ids=NAMES)
def test_an_upload_stays_in_its_folder_whatever_its_name(serve: Serve, name: str, kept: str | None, tmp_path: Path) -> None:
    from genie_nb.backend.file_names import safe_name

    if kept is not None:
        assert safe_name(name) == kept
    assert len(safe_name(name).encode()) <= 200
    server = serve(gn.ScriptedModel([]))
    boundary = "b0undary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nabc\r\n--{boundary}--\r\n'
    ).encode()
    answer = post(server, "/v1/uploads", content=body, headers={"content-type": f"multipart/form-data; boundary={boundary}"})
    if answer.status_code == 200:
        (saved,) = [path for path in (tmp_path / "server" / "uploads").rglob("*") if path.is_file()]
        assert saved.parent.parent == tmp_path / "server" / "uploads"
        assert saved.read_bytes() == b"abc"
    else:
        assert answer.status_code in (400, 404, 422)


def test_an_upload_that_is_too_large_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    server = serve(gn.ScriptedModel([]), max_upload_mib=1)
    answer = post(server, "/v1/uploads", files={"file": ("a.bin", b"x" * 2_000_000)})
    assert answer.status_code == 413
    assert [path for path in (tmp_path / "server").rglob("*") if path.is_file()] == []


def test_a_port_that_is_taken_and_a_service_that_is_none_are_said(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]))
    port = int(server.address.rsplit(":", 1)[1])
    with pytest.raises(SettingsError, match=f"Port {port} of 127.0.0.1 cannot be served"):
        serve(gn.ScriptedModel([]), port=port)
    with pytest.raises(SettingsError, match="no service 'shop'"):
        gn.serve(services=["shop"])
    with pytest.raises(SettingsError, match=r"server\.heartbeat_s"):
        gn.serve(heartbeat_s=0)


def test_closing_a_server_with_a_stalled_reader_does_not_hang(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([gn.Say(["x" * 50_000] * 100)]))
    with socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1]))) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = b'{"query": "?"}'
        head = (
            f"POST /v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.host.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader.sendall(head.encode() + body)
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        server.close()
    assert not server.host.links.open


def test_closing_a_server_ends_the_runs_at_work_and_those_that_wait(serve: Serve, tmp_path: Path) -> None:
    tools, open_gate = gated()
    model = gn.ScriptedModel([gn.Say("", [("wait", {})]), gn.Say("never")])
    log = tmp_path / "runs.sqlite"
    server = serve(model, tools=tools, max_runs=1, log=log)
    ids = [post(server, "/v1/runs?follow=false", json={"query": "?"}).json()["run_id"] for _ in range(2)]
    working, waiting = (server.host.archive._kept[run_id].run for run_id in ids)
    _until(working, ev.ToolStarted)
    last: list[bytes] = []
    reading = threading.Thread(target=lambda: last.append(_followed(server, ids[0])))
    reading.start()
    while not server.host.links.open:
        continue
    server.close()
    open_gate()
    reading.join(120)
    assert b'"reason":"server_shutdown"' in last[0]
    assert (working.status, waiting.status) == ("cancelled", "cancelled")
    assert "shut down while it worked" in str(working.error)
    assert "shut down before its turn" in str(waiting.error)
    store = SqliteStore(log)
    assert [type(store.read(run_id)[-1].event) for run_id in ids] == [ev.RunCancelled] * 2
    store.close()


def _followed(server: Server, run_id: str) -> bytes:
    headers = {"authorization": f"Bearer {server.host.token}"}
    return httpx.get(f"{server.address}/v1/runs/{run_id}/events", headers=headers, timeout=300).content


@pytest.mark.parametrize("faults", [{"delay_s": 60}, {"tokens_per_s": 0.01}, {"stall_after": 1}], ids=str)
def test_closing_a_server_ends_a_models_open_reply_without_a_word(
    serve: Serve, faults: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(gn.ScriptedModel([]))
    body = {"model": "offline", "messages": [{"role": "user", "content": "2 + 3"}], "stream": True, "genie": faults}
    content = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1])), timeout=300) as reader:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.host.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        reader.sendall(head.encode() + content)
        while not server._server.server_state.tasks:
            continue
        server.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_server_that_does_not_come_to_its_end_still_closes_its_store(
    serve: Serve, tmp_path: Path, monkeypatch: Any
) -> None:
    server = serve(gn.ScriptedModel([]), log=tmp_path / "runs.sqlite")

    async def never(*, patience_s: float) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(serving, "CLOSE_S", 0.1)
    monkeypatch.setattr(server.host.links, "emptied", never)
    server._backend.submit(server._stop()).result(timeout=300)
    assert not server.host.archive._store._file_is_open()


def command(*arguments: str, folder: Path) -> Program:
    return Program(
        [sys.executable, "-m", "genie_nb.cli", "serve", "--json", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_prints_one_line_when_ready_and_ends_at_sigterm(tmp_path: Path, connect: Connect) -> None:
    with command("--port", "0", "--token", "t0ken", folder=tmp_path) as process:
        told = json.loads(process.stdout.readline())
        assert told["url"].endswith("/?token=t0ken")
        run = connect(told["url"]).ask("what is 2 + 3", show=False).result(timeout_s=120)
        assert "5" in run.answer
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_restarted_server_still_serves_finished_runs_and_says_which_one_it_was_killed_in(
    tmp_path: Path, connect: Connect
) -> None:
    log = str(tmp_path / "log" / "runs.sqlite")
    with command("--port", "0", "--token", "t", "--log", log, folder=tmp_path) as process:
        told = json.loads(process.stdout.readline())
        done = connect(told["url"]).ask("what is 2 + 3", show=False).result(timeout_s=120)
        loop = connect(told["url"]).ask("run this: ```python\nwhile True: pass\n```", show=False)
        _until(loop, ev.ToolStarted)
        last = f"{loop.run_id}.{loop.channel.epoch}.1"
        process.kill()
        process.communicate(timeout=300)
    loop.cancel()
    with command("--port", "0", "--token", "t", "--log", log, folder=tmp_path) as process:
        address = json.loads(process.stdout.readline())["address"]
        headers = {"authorization": "Bearer t"}
        again = httpx.get(f"{address}/v1/runs/{done.run_id}", headers=headers, timeout=BOUND_S).json()
        assert (again["status"], again["answer"]) == ("finished", done.answer)
        cut = httpx.get(f"{address}/v1/runs/{loop.run_id}", headers=headers, timeout=BOUND_S).json()
        assert (cut["status"], cut["error"]["code"]) == ("failed", "interrupted")
        stream = httpx.get(
            f"{address}/v1/runs/{loop.run_id}/events", headers=headers | {"last-event-id": last}, timeout=BOUND_S
        ).text
        assert "event: snapshot" in stream
        assert "The server was stopped while it worked on this" in stream
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)


def test_a_store_that_cannot_be_written_is_said_and_the_run_goes_on(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve(gn.ScriptedModel([gn.Say(["a ", "b "], pace_s=0.05)]), log=tmp_path / "runs.sqlite")
    server.host.archive._store.close()
    run = connect(server.url).ask("?", show=False).result(timeout_s=120)
    assert run.status == "finished"
    assert any("will be lost with the server" in e.text for e in _events(run) if isinstance(e, ev.NoteAdded))


def test_runs_in_a_log_can_be_read_after_a_restart_although_nobody_gave_a_token(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "log" / "runs.sqlite"
    server = serve(gn.ScriptedModel([gn.Say("one")]), log=log)
    asked = httpx.post(server.url.replace("/?", "/v1/runs?"), json={"query": "?"}, timeout=300)
    assert '"output":"one"' in asked.text
    server.close()
    again = serve(gn.ScriptedModel([]), log=log)
    assert again.host.token == server.host.token
    assert post(again, f"{asked.headers['location']}/cancel").json()["answer"] == "one"
    assert (log.parent / "runs.sqlite.token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", None])
def test_a_token_file_that_holds_none_is_said(content: bytes | None, serve: Serve, tmp_path: Path) -> None:
    kept = tmp_path / "runs.sqlite.token"
    kept.mkdir() if content is None else kept.write_bytes(content)
    with pytest.raises(SettingsError, match=r"runs\.sqlite\.token .*Remove"):
        serve(gn.ScriptedModel([]), log=tmp_path / "runs.sqlite")


def test_a_file_is_sent_in_pieces_as_it_was_when_it_was_asked_for(serve: Serve) -> None:
    code = "with open('big.bin', 'wb') as f:\n    f.truncate(2**28)\n    f.seek(2**28 - 3)\n    f.write(b'end')"
    server = serve(gn.ScriptedModel([gn.Say("", [("code_interpreter", {"code": code})]), gn.Say("done")]))
    asked = post(server, "/v1/runs", json={"query": "?"})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = {"authorization": f"Bearer {server.host.token}"}
    size, last = 0, b""
    with httpx.stream(
        "GET", f"{server.address}{asked.headers['location']}/files/big.bin", headers=headers, timeout=BOUND_S
    ) as answer:
        for piece in answer.iter_raw():
            size, last = size + len(piece), piece
    assert (size, last[-3:]) == (2**28, b"end")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_two_questions_with_one_request_id_at_the_same_moment_make_one_run(serve: Serve) -> None:
    server = serve(gn.ScriptedModel(lambda messages, tools: gn.Say("one")), log=None)

    async def ask_at_once() -> set[str]:
        headers = {"authorization": f"Bearer {server.host.token}"}
        async with httpx.AsyncClient(base_url=server.address, headers=headers, timeout=300) as http:
            body = {"query": "?", "request_id": "same"}
            answers = await asyncio.gather(*(http.post("/v1/runs?follow=false", json=body) for _ in range(20)))
        return {answer.json()["run_id"] for answer in answers}

    assert len(asyncio.run(ask_at_once())) == 1
