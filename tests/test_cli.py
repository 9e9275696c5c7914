"""The command line, as a person types it."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from genie_nb import events as ev
from genie_nb.cli.terminal import follow
from genie_nb.events import decode_event, is_terminal
from genie_nb.parts import CodePart, Part, StreamPart, TablePart
from tests.model_server import ModelServer, Reply, error_reply, sse_reply
from tests.processes import Program
from tests.widgets.sample_runs import ANSWER, call, numbered, sample_run, started, words

KEY = "sk-canary-5127"


def genie_nb(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENIE_", "OPENAI_"))}
    command = [sys.executable, "-c", "from genie_nb.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("region,revenue\nNorth,10\nSouth,20\nNorth,15\n")
    return path


def test_the_version_is_told(tmp_path: Path) -> None:
    assert genie_nb("--version", cwd=tmp_path).stdout == f"genie_nb {version('genie_nb')}\n"


def test_json_prints_one_object_and_nothing_else(sales: Path) -> None:
    done = genie_nb("ask", "Total revenue by region", "--file", "sales.csv", "--json", cwd=sales.parent)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert set(outcome) == {"answer", "outcome", "plan", "files", "usage", "seconds", "error"}
    assert outcome["outcome"] == "finished"
    assert outcome["error"] is None
    assert "25" in outcome["answer"]
    assert "20" in outcome["answer"]
    assert outcome["plan"]["steps"]


def test_json_of_a_failed_run_says_why_and_exits_with_one(tmp_path: Path) -> None:
    done = genie_nb("ask", "What is it?", "--file", "nowhere.csv", "--json", cwd=tmp_path)
    assert done.returncode == 1
    outcome = json.loads(done.stdout)
    assert outcome["outcome"] == "failed"
    assert outcome["error"]["code"] == "bad_request"
    assert "nowhere.csv" in outcome["error"]["message"]


def test_events_are_one_a_line_and_the_last_is_terminal(tmp_path: Path) -> None:
    done = genie_nb("ask", "2 + 3", "--agent", "react", "--events", cwd=tmp_path)
    events = [decode_event(line) for line in done.stdout.splitlines()]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [is_terminal(event) for event in events].count(True) == 1
    assert is_terminal(events[-1])


def test_the_terminal_shows_plan_code_and_answer(sales: Path) -> None:
    done = genie_nb("ask", "Total revenue by region", "-f", "sales.csv", cwd=sales.parent, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "read_csv" in done.stdout
    assert "South" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def screen_of(events: list[ev.RunEvent]) -> str:
    async def each() -> AsyncIterator[ev.RunEvent]:
        for event in numbered(events):
            yield event

    screen = io.StringIO()
    asyncio.run(follow(each(), Console(file=screen, width=100, highlight=False)))
    return screen.getvalue()


def test_the_answer_comes_last_and_once_and_so_does_its_table(sales: Path) -> None:
    done = genie_nb("ask", "Total revenue by region", "-f", "sales.csv", cwd=sales.parent, COLUMNS="100")
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) < 50
    assert sum(line.strip().startswith("South  ") for line in lines) == 1
    assert lines[-1].strip().startswith("North" if lines[-2].strip().startswith("South") else "South")


@pytest.mark.parametrize(
    "texts",
    [[], [*words("m", ANSWER, "answer")], [*words("m", "half", "tool_thought")][:-1]],
    ids=["in the end", "streamed", "known at its end"],
)
def test_an_answer_is_printed_once_however_it_came(texts: list[ev.RunEvent]) -> None:
    if len(texts) == 2:
        texts = [*texts, ev.TextFinished(message_id="m", channel="answer", text=ANSWER)]
    screen = screen_of([started(), *texts, ev.RunFinished(output=ANSWER)])
    assert screen.count("The last week of December is incomplete") == 1


def test_code_and_what_it_prints_are_folded_to_their_first_lines() -> None:
    code, printed = ("\n".join(f"{word}{n} = 1" for n in range(44)) for word in ("a", "b"))
    table = TablePart(columns=("", "x"), dtypes=("", ""), rows=(("0", "cell"),), total_rows=1)
    parts: list[Part] = [CodePart(code=code), StreamPart(text=printed[:99]), StreamPart(text=printed[99:]), table]
    screen = screen_of([started(), *call("c", "code_interpreter", "", parts), ev.RunFinished(output="Done.")])
    assert screen.count("… 38 more lines") == 2
    assert "a5 = 1" in screen
    assert "b5 = 1" in screen
    assert "a6 = 1" not in screen
    assert "[a table of 1 row: x]" in screen
    assert "cell" not in screen


def test_bars_that_draw_themselves_anew_and_what_is_cleared_are_shown_as_they_were_last() -> None:
    outputs = [
        ev.ToolOutput(call_id="c", part=CodePart(code="work()")),
        ev.ToolOutput(call_id="c", part=StreamPart(text="gone\n")),
        ev.ToolOutput(call_id="c", part=StreamPart(text="\r 50% \x1b[31mslow"), clears=True),
        ev.ToolOutput(call_id="c", part=StreamPart(text="\r\x1b[K100% \x1b[1mdone\x07")),
    ]
    ends = [ev.ToolFinished(call_id="c", status="ok"), ev.RunFinished(output="Done.")]
    screen = screen_of([started(), ev.ToolStarted(call_id="c", tool="t", assignee="x"), *outputs, *ends])
    assert "100% done␇" in screen
    assert "50%" not in screen
    assert "gone" not in screen


def test_a_task_is_named_again_where_another_broke_in() -> None:
    def outputs(task: str, *parts: Part) -> list[ev.RunEvent]:
        return [ev.ToolOutput(call_id=f"c{task}", part=part, task_id=task) for part in parts]

    tasks = [ev.TaskStarted(task_id=task, title=f"Task {task}", assignee="x") for task in "ab"]
    calls = [ev.ToolStarted(call_id=f"c{task}", tool="code_interpreter", assignee="x", task_id=task) for task in "ab"]
    work = [
        *outputs("a", CodePart(code="code_a"), StreamPart(text="printed a")),
        *outputs("b", CodePart(code="code_b"), StreamPart(text="printed b"), StreamPart(text=" more b")),
        *(ev.ToolFinished(call_id=f"c{task}", status="ok", task_id=task) for task in "ab"),
        *(ev.TaskFinished(task_id=task, status="completed") for task in "ab"),
    ]
    screen = screen_of([started(), *tasks, *calls, *work, ev.RunFinished(output="Done.")])
    shown = [line.strip() for line in screen.splitlines() if line.strip() and "─" not in line][1:]
    a, b = "▸ Task a  (x)", "▸ Task b  (x)"
    assert shown == [a, b, a, "code_a", b, "code_b", a, "printed a", b, "printed b more b", "Done."]


def test_what_is_not_known_leaves_no_gap() -> None:
    waits = [ev.ModelWaiting(reason="busy", seconds=seconds, attempt=2) for seconds in (0.2, 3.0)]
    screen = screen_of([ev.RunStarted(query="?", agent="plan_solve", model="", badge=""), *waits])
    assert screen.splitlines() == ["plan_solve", "  busy; next try", "  busy; next try in 3 s"]


def test_chinese_emphasis_and_all_kinds_of_parts_are_printed() -> None:
    assert "**" not in screen_of([started(), ev.RunFinished(output="**总体为（25）。**好")])
    screen = screen_of(sample_run())
    assert "KeyError: 'regon'" in screen
    assert "Cell In[2]" not in screen
    assert "✓" not in screen.split("halves", 1)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interruption_is_one_word(tmp_path: Path) -> None:
    with ModelServer([Reply(None, end="hang")]) as server:
        settings = {"GENIE_MODEL": "tiny", "GENIE_BASE_URL": server.url}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENIE_", "OPENAI_"))}
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", "from genie_nb.cli import main; main()", "ask", "Hello?", "--agent", "react"],
            cwd=tmp_path, env=clean | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=300)
    assert "local: 127.0.0.1" in first
    assert rest.split("\n") == ["Stopped.", ""]
    assert "Traceback" not in errors
    assert process.returncode == 1


FOREIGN = "base_url: {url}\nmodel: tiny\nmcp: [\"{python} -c 'open(1234)'\"]\n"


def test_in_somebody_elses_folder_nothing_is_sent_to_the_address_in_its_file(tmp_path: Path) -> None:
    with ModelServer([sse_reply("Mine now.")]) as server:
        (tmp_path / "genie.yaml").write_text(FOREIGN.format(url=server.url, python=sys.executable))
        done = genie_nb("ask", "What is 2 + 3?", "--json", cwd=tmp_path, OPENAI_API_KEY=KEY, GENIE_MODEL="offline")
        assert server.requests == []
    assert json.loads(done.stdout)["outcome"] == "finished"
    assert "base_url, mcp, model" in done.stderr
    assert "genie-nb trust" in done.stderr


def test_a_trusted_folders_settings_count_but_its_address_gets_no_key_of_the_environment(tmp_path: Path) -> None:
    with ModelServer([sse_reply("Well.")]) as server:
        (tmp_path / "genie.yaml").write_text(f"base_url: {server.url}\nmodel: tiny\napproval_timeout_s: 5\n")
        trusted = genie_nb("trust", cwd=tmp_path)
        done = genie_nb("ask", "Hello?", "--agent", "react", "--json", cwd=tmp_path, OPENAI_API_KEY=KEY)
        (asked,) = server.requests
        forgotten = genie_nb("trust", "--forget", cwd=tmp_path)
        left_out = genie_nb("doctor", cwd=tmp_path)
    assert "trusted until it changes" in trusted.stdout
    assert f"  base_url: {server.url}" in trusted.stdout
    assert json.loads(done.stdout)["answer"] == "Well."
    assert KEY not in str(asked.headers)
    assert "is not trusted" in forgotten.stdout
    assert "base_url, model" in left_out.stdout


def test_trust_shows_no_secrets_and_says_where_there_is_nothing(tmp_path: Path) -> None:
    assert "nothing to trust" in genie_nb("trust", cwd=tmp_path).stdout
    (tmp_path / "genie.yaml").write_text(
        "api_key: sk-canary\nbase_url: http://me:canary@host/v1\nsearch: {tavily_key: canary}\n"
        "mcp: [{url: 'http://host/mcp', headers: {authorization: canary}}]\nplaybooks: \"\\e[2Jx\"\n"
    )
    done = genie_nb("trust", cwd=tmp_path)
    assert "canary" not in done.stdout
    assert "mcp[0].url: http://host/mcp" in done.stdout
    assert "playbooks: ␛[2Jx" in done.stdout  # a terminal obeys no control character


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
@pytest.mark.parametrize(("typed", "answer"), [("y", "Well."), ("n", "2 + 3: 5")])
def test_a_person_at_a_terminal_is_asked_whether_to_trust_the_folder(typed: str, answer: str, tmp_path: Path) -> None:
    keyboard, terminal = os.openpty()
    with ModelServer([sse_reply("Well.")]) as server:
        (tmp_path / "genie.yaml").write_text(f"base_url: {server.url}\nmodel: tiny\n")
        os.write(keyboard, f"{typed}\n".encode())
        done = subprocess.run(
            [sys.executable, "-c", "from genie_nb.cli import main; main()", "ask", "What is 2 + 3?", "--agent", "react"],
            cwd=tmp_path, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, text=True, timeout=55, check=False,
        )  # fmt: skip
    shown = os.read(keyboard, 4000).decode()
    os.close(keyboard)
    os.close(terminal)
    assert "Do you trust it? [y/N]" in shown
    assert f"base_url: {server.url}" in shown
    assert answer in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("agent", ["nobody", ""])
def test_an_unknown_agent_is_one_sentence(agent: str, tmp_path: Path) -> None:
    done = genie_nb("ask", "Hello?", "--agent", agent, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "plan_solve" in json.loads(done.stdout)["error"]["message"]


def test_a_wrong_setting_is_one_sentence_and_exit_two(tmp_path: Path) -> None:
    done = genie_nb("ask", "Hello?", cwd=tmp_path, GENIE_MAX_STEPS="many")
    assert done.returncode == 2
    assert "max_steps" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_in_plain_words_what_is_there(tmp_path: Path) -> None:
    done = genie_nb("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "offline-analyst" in done.stdout
    assert "code interpreter" in done.stdout
    assert "All is well." in done.stdout


def test_doctor_names_what_is_wrong_with_the_model(tmp_path: Path) -> None:
    done = genie_nb("doctor", cwd=tmp_path, GENIE_MODEL="gpt-of-nobody")
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout


ADDRESSES = {
    "has the model": (Reply(200, [b'{"data": [{"id": "tiny"}]}']), 0, "answers and has tiny"),
    "has others": (Reply(200, [b'{"data": [{"id": "huge"}]}']), 0, "does not name tiny"),
    "has no list": (error_reply(404, "not found"), 0, "answers"),
    "speaks otherwise": (Reply(200, [b"<html>"]), 0, "answers"),
    "refuses the key": (error_reply(401, "no"), 1, "refuses the key"),
}


@pytest.mark.parametrize(("reply", "exit_code", "said"), ADDRESSES.values(), ids=ADDRESSES)
def test_doctor_tries_the_models_address(reply: Reply, exit_code: int, said: str, tmp_path: Path) -> None:
    with ModelServer([reply]) as server:
        done = genie_nb("doctor", cwd=tmp_path, GENIE_MODEL="tiny", OPENAI_BASE_URL=server.url, OPENAI_API_KEY="not-a-key")
        asked = server.requests[0]
    assert said in done.stdout
    assert done.returncode == exit_code, done.stdout
    assert (asked.method, asked.headers["authorization"]) == ("GET", "Bearer not-a-key")
    assert asked.path.endswith("/models")
    assert "not-a-key" not in done.stdout


def test_doctor_says_that_nobody_answers_there(tmp_path: Path) -> None:
    done = genie_nb("doctor", cwd=tmp_path, GENIE_MODEL="tiny", OPENAI_BASE_URL="http://me:secret@127.0.0.1:9/v1")
    assert done.returncode == 1
    assert "wrong    http://127.0.0.1:9/v1 does not answer: Connection refused" in done.stdout
    assert "secret" not in done.stdout


def test_lab_refuses_a_notebook_that_is_not_there(tmp_path: Path) -> None:
    done = genie_nb("lab", "nothing.ipynb", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing.ipynb" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("switch", "told"), [("loopback", True), ("off", False)])
def test_serve_says_at_its_start_who_can_run_code_without_a_token(switch: str, told: bool, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENIE_", "OPENAI_"))}
    command = [sys.executable, "-m", "genie_nb.cli", "serve", "--port", "0"]
    with Program(
        command, cwd=tmp_path, env={**clean, "GENIE_SERVER__JDGENIE": switch}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert lines[0].startswith("Serving")
    assert ("can run code here. GENIE_SERVER__JDGENIE=off" in rest) == told
