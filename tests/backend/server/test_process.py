"""A server in a process of its own, a real one: its face, its faults, its end, and what can be handed over to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import genie_nb as gn
from genie_nb.backend.loop import backend_loop
from genie_nb.backend.server.process import ServerProcess
from genie_nb.errors import LinkError, RequestError, SettingsError
from genie_nb.network import RemoteGenie, RemoteRun
from tests import own_tools

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at as POSIX has them")

BOUND_S = 60.0
HEARTBEAT_S = 0.3
WORDS = [f"word{number} " for number in range(60)]
TOKEN = "canary-b7f3"


def wait_until(ready: Callable[[], Any]) -> None:
    """Waits for something outside, within a bound."""
    end = time.monotonic() + BOUND_S
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)


def start(folder: Path, **given: Any) -> ServerProcess:
    settings = {"agent": "react", "runs_folder": folder, **given.pop("settings", {})}
    return gn.serve(process=True, settings=settings, heartbeat_s=HEARTBEAT_S, token=TOKEN, **given)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    model = gn.ScriptedModel([gn.Say(WORDS, pace_s=0.02)] * 50)
    with start(tmp_path_factory.mktemp("runs"), model=model) as served:
        yield served


@pytest.fixture
def genie(server: ServerProcess) -> Iterator[RemoteGenie]:
    with gn.connect(server.url) as connected:
        yield connected
    server.faults.lift()


def lost(run: RemoteRun) -> list[str]:
    return [row.text for row in run.link_log().rows if row.kind == "link" and row.event == "lost"]


def in_loop(function: Callable[[], Any]) -> Any:
    async def called() -> Any:
        return function()

    return backend_loop().submit(called()).result(BOUND_S)


def family(pid: int) -> list[psutil.Process]:
    """The process and all that it started, also in sessions of their own."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_it_has_the_face_of_a_server_in_this_process(server: ServerProcess, tmp_path: Path) -> None:
    with gn.serve(settings={"runs_folder": tmp_path}, token="another", heartbeat_s=HEARTBEAT_S) as here:
        public = {name for name in vars(here) if not name.startswith("_")} - {"host"}
        assert public <= {name for name in (*vars(server), *dir(server)) if not name.startswith("_")}
        assert {type(getattr(here, name)) for name in public} == {type(getattr(server, name)) for name in public}
        assert {name for name in dir(here.faults) if not name.startswith("_")} - {
            "call",
            "hold",
            "thawed",
            "waiting",
        } <= set(dir(server.faults))
        assert (server.token, server.heartbeat_s, server.open_paths) == (TOKEN, here.heartbeat_s, here.open_paths)

    assert server.url == f"{server.address}/?token={TOKEN}"
    assert httpx.get(f"{server.address}/health").json()["status"] == "ok"
    assert httpx.get(f"{server.address}/v1/runs").status_code == 401
    assert repr(server) == f"<genie_nb server at {server.address}, process {server.pid}>"


def test_a_run_is_the_same_from_there(genie: RemoteGenie) -> None:
    run = genie.ask("How many?", show=False).result(BOUND_S)

    assert (run.status, run.answer) == ("finished", "".join(WORDS))


def test_a_cut_breaks_the_link_and_nothing_is_lost(server: ServerProcess, genie: RemoteGenie) -> None:
    run = genie.ask("How many?", show=False)
    wait_until(lambda: run.link_log().events > 5)
    server.faults.cut()
    run.result(BOUND_S)

    assert (run.link_log().lost, run.answer) == (1, "".join(WORDS))


def test_a_stall_is_noticed_and_lifted(server: ServerProcess, genie: RemoteGenie) -> None:
    server.faults.stall = True
    run = genie.ask("How many?", show=False)
    wait_until(lambda: lost(run))
    assert (server.faults.stall, server.faults.holding, run.link_log().frames) == (True, True, 0)
    server.faults.lift()
    run.result(BOUND_S)

    assert "not even a heartbeat" in lost(run)[0]
    assert (server.faults.stall, server.faults.holding, run.answer) == (False, False, "".join(WORDS))


def test_heartbeats_go_on_while_the_model_there_is_frozen(server: ServerProcess, genie: RemoteGenie) -> None:
    server.faults.freeze_model = True
    run = genie.ask("How many?", show=False)
    wait_until(lambda: run.link_log().heartbeats >= 4)
    frozen = run.link_log()
    server.faults.freeze_model = False
    run.result(BOUND_S)

    assert not any(row.event == "text_delta" for row in frozen.rows)
    assert (lost(run), run.answer) == ([], "".join(WORDS))


def test_a_delay_makes_readers_wait_and_what_waits_is_counted(server: ServerProcess, genie: RemoteGenie) -> None:
    run = genie.ask("How many?", show=False)
    wait_until(lambda: run.link_log().events > 5)
    server.faults.delay_s = 60
    wait_until(lambda: server.faults.behind(run.run_id) > 10)
    assert server.faults.behind("another") == 0
    server.faults.delay_s = -1
    run.result(BOUND_S)

    assert (server.faults.delay_s, server.faults.behind(run.run_id)) == (0.0, 0)


def test_what_a_button_sets_on_the_loop_comes_about_too(server: ServerProcess, genie: RemoteGenie) -> None:
    in_loop(lambda: setattr(server.faults, "stall", True))
    run = genie.ask("How many?", show=False)
    wait_until(lambda: lost(run))
    in_loop(lambda: setattr(server.faults, "stall", False))
    assert run.result(BOUND_S).answer == "".join(WORDS)

    in_loop(lambda: setattr(server.faults, "delay_s", 60))
    run = genie.ask("How many?", show=False)
    wait_until(lambda: run.run_id and in_loop(lambda: server.faults.behind(run.run_id)) > 10)
    in_loop(server.faults.lift)
    assert run.result(BOUND_S).answer == "".join(WORDS)


def test_the_panel_takes_it(server: ServerProcess, genie: RemoteGenie) -> None:
    run = genie.ask("How many?", show=False)
    with pytest.raises(RequestError, match="needs a notebook"):
        gn.watch(run, server)
    run.result(BOUND_S)


def test_an_interrupt_of_the_notebook_is_not_the_servers(server: ServerProcess, genie: RemoteGenie) -> None:
    assert os.getsid(server.pid) != os.getsid(0)
    os.kill(server.pid, signal.SIGINT)

    assert genie.ask("How many?", show=False).result(BOUND_S).answer == "".join(WORDS)


def test_its_token_is_in_no_argument_and_in_no_variable(tmp_path: Path) -> None:
    code = gn.Say(calls=[("code_interpreter", {"code": "import os\nprint(sorted(os.environ))"})])
    with start(tmp_path, model=gn.ScriptedModel([code, gn.Say("done")])) as served, gn.connect(served.url) as genie:
        run = genie.ask("What is there?", show=False).result(BOUND_S)
        seen = [" ".join(process.cmdline()) + repr(process.environ()) for process in family(served.pid)]

    assert run.status == "finished"
    assert len(seen) > 1
    assert [text for text in seen if TOKEN in text] == []


def test_tools_and_models_of_a_module_are_handed_over(tmp_path: Path) -> None:
    given = {"model": gn.ScriptedModel(own_tools.script), "tools": [own_tools.doubled, own_tools.three_times]}
    with start(tmp_path, **given) as served, gn.connect(served.url) as genie:
        run = genie.ask("How many?", show=False).result(BOUND_S)

    assert run.answer == "42 15"


def test_what_tools_print_there_does_not_disturb_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = gn.ScriptedModel([gn.Say(calls=[("print", {"text": "{}"})]), gn.Say("done")])
    with start(tmp_path, model=model, tools=[own_tools.printed]) as served, gn.connect(served.url) as genie:
        assert genie.ask("?", show=False).result(BOUND_S).answer == "done"
        served.faults.stall = True
        served.faults.lift()

    assert "printed there" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"model": gn.ScriptedModel(lambda *_: gn.Say("?"))},
            r"<lambda>' was written here.*\.py file.*without process=True",
        ),
        ({"tools": [own_tools.halved]}, "<lambda>' was written here"),
        ({"model": threading.Lock()}, "'model' cannot be handed over.*by its name"),
    ],
    ids=["a lambda", "a tool made of one", "a lock"],
)
def test_what_cannot_be_handed_over_is_refused_with_a_sentence(given: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=sentence):
        start(tmp_path, **given)


def test_what_the_process_cannot_import_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tools.doubled, "__module__", "gone")
    gone = type(sys)("gone")
    vars(gone)["doubled"] = own_tools.doubled
    monkeypatch.setitem(sys.modules, "gone", gone)

    with pytest.raises(SettingsError, match="'tools' cannot be made in the server's process: ModuleNotFoundError"):
        start(tmp_path, tools=[own_tools.doubled])


def test_errors_at_its_start_are_the_same_sentences(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for given in ({"port": port}, {"max_links": 0}, {"nonsense": 1}, {"services": ["laundry"]}):
            said = []
            for process in (True, False):
                with pytest.raises(SettingsError) as raised:
                    gn.serve(process=process, settings={"runs_folder": tmp_path}, **given)
                said.append(str(raised.value))
            assert said[0] == said[1]


def test_closing_ends_the_process_and_what_it_started(tmp_path: Path) -> None:
    served = start(tmp_path, model="offline")
    with gn.connect(served.url) as genie:
        genie.ask("the sum of the squares of 1 to 10", show=False).result(BOUND_S)
    started = family(served.pid)
    served.close()
    served.close()

    assert len(started) > 1
    wait_until(lambda: not [process for process in started if process.is_running()])
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.address}/health")


def test_one_that_was_killed_is_told_of(tmp_path: Path) -> None:
    with start(tmp_path, model="offline") as served:
        os.kill(served.pid, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(served.pid))
        with pytest.raises(LinkError, match="has ended"):
            served.faults.stall = True
        assert in_loop(served.faults.behind) == 0


NOTEBOOK = """
import os, sys, time
import genie_nb as gn
server = gn.serve(process=True, model="offline", settings={"agent": "react"})
holder = os.fork() if "forks" in sys.argv else 0
if holder == 0 and "forks" in sys.argv:  # it inherits the pipes, as a worker of somebody's own would
    time.sleep(600)
print(server.pid, holder, server.url, flush=True)
if "computes" in sys.argv:
    7**10**10
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a fork that holds the pipe open holds the server too")
@pytest.mark.parametrize("how", ["sleeps", "forks", "computes"])
def test_it_ends_with_a_notebook_that_is_killed(how: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", NOTEBOOK, how], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as notebook:
        assert notebook.stdout is not None
        pid, holder, url = notebook.stdout.readline().split()
        try:
            with gn.connect(url) as genie:
                genie.ask("the sum of the squares of 1 to 10", show=False).result(BOUND_S)
            started = family(int(pid))
            notebook.kill()
            notebook.wait()
            wait_until(lambda: not [process for process in started if process.is_running()])
        finally:
            notebook.kill()
            if int(holder):
                os.kill(int(holder), signal.SIGKILL)

    assert len(started) > 1


def test_the_end_of_its_input_is_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from genie_nb.serving_process import main; sys.exit(main())"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"parent": os.getpid(), "given": {}}).encode() + b"\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["address"]
        child.stdin.close()

        assert child.wait(BOUND_S) == 0


READER = """
import sys, time, httpx
url, token = sys.argv[1:]
with httpx.stream("POST", url, json={"query": "?"}, headers={"Authorization": f"Bearer {token}"}, timeout=60) as answer:
    for piece in answer.iter_raw():
        if piece.startswith(b": hb"):
            print(time.monotonic(), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="clocks of two processes are compared")
def test_its_heartbeats_come_while_c_code_holds_the_interpreters_lock(server: ServerProcess, genie: RemoteGenie) -> None:
    server.faults.freeze_model = True
    command = [sys.executable, "-c", READER, f"{server.address}/v1/runs", server.token]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        size, began, ended = 40_000_000, 0.0, 0.0
        while ended - began < 5 * HEARTBEAT_S:  # one call, as long as five heartbeats
            began = time.monotonic()
            sum(range(size))
            ended, size = time.monotonic(), 2 * size
        server.faults.lift()
        beats = [float(line) for line in reader.stdout]

    assert len([beat for beat in beats if began < beat < ended]) >= 2
