"""The front door, end to end: real kernels, a real HTTP model, real files."""

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import genie_nb as gn
from genie_nb.backend.models.base import ToolCallRequest
from tests.model_server import ModelServer, Reply, error_reply, sse_reply

CODE = (
    "import pandas as pd\ntotals = pd.read_csv('sales.csv').groupby('region').revenue.sum()\nprint(totals.idxmax())\ntotals"
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("month,region,revenue\n2024-01,North,10\n2024-01,South,20\n2024-02,North,15\n2024-02,South,21\n")
    return path


def live(server: ModelServer, **options: Any) -> gn.Genie:
    return gn.Genie(model="tiny", base_url=server.url, api_key="not-a-key", **options)


def test_a_model_behind_a_url_works_on_a_file_with_a_real_kernel(sales: Path) -> None:
    call = ToolCallRequest("call_0", "code_interpreter", f'{{"code": {gn_json(CODE)}}}')
    with ModelServer([sse_reply("I add up.", [call]), sse_reply("**South** sold most.")]) as server:
        run = live(server, agent="react").ask("Which region sold most?", files=[sales], show=False).result()
        asked = server.requests[1].json["messages"]
    assert run.error is None
    assert run.answer == "**South** sold most."
    assert run.transcript.badge == "local: 127.0.0.1"
    assert run.usage.calls == 2
    assert "South" in asked[-1]["content"]
    assert not (run.folder / "sales.csv").samefile(sales)


def gn_json(text: str) -> str:
    import json

    return json.dumps(text)


FAILURES = {
    "401": (error_reply(401, "bad key"), "model", ("key",)),
    "404": (error_reply(404, "no such model"), "model", ("tiny",)),
    "429-quota": (error_reply(429, "quota", code="insufficient_quota"), "model", ("quota",)),
    "429-for-an-hour": (
        error_reply(429, "slow down", headers={"retry-after": "3600"}),
        "rate_limited",
        ("3600", "1 h"),
    ),
    "html": (
        Reply(200, [b"<html><title>Welcome</title></html>"], {"content-type": "text/html"}),
        "model",
        ("no chat stream",),
    ),
    "cut": (
        Reply(200, [b'data: {"choices":[{"delta":{"content":"Hal"}}]}\n\n'], end="cut"),
        "model",
        ("broke", "cut", "ended"),
    ),
}


@pytest.mark.parametrize(("reply", "code", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failing_model_ends_the_run_with_one_sentence(reply: Reply, code: str, words: tuple[str, ...]) -> None:
    with ModelServer([reply] * 4) as server:
        run = live(server, agent="react").ask("Hello?", show=False).result()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.code == code
    assert any(word in str(run.error) for word in words), str(run.error)
    assert "Traceback" not in str(run.error)
    assert "not-a-key" not in str(run.error)


def test_a_base_url_that_refuses_is_named() -> None:
    with socket.socket() as taken:  # nobody else gets it, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        run = (
            gn.Genie(model="tiny", base_url=f"http://127.0.0.1:{port}/v1", agent="react").ask("Hello?", show=False).result()
        )
    assert f"127.0.0.1:{port}" in str(run.error)


def test_a_model_without_key_or_address_is_refused_in_the_run() -> None:
    run = gn.ask("Hello?", model="gpt-of-nobody", show=False).result()
    assert "gpt-of-nobody" in str(run.error)
    assert "OPENAI_API_KEY" in str(run.error)


def test_an_address_without_a_model_is_refused_in_the_run() -> None:
    run = gn.ask("Hello?", base_url="http://127.0.0.1:9/v1", show=False).result()
    assert "GENIE_MODEL" in str(run.error)


BAD_FILES = {
    "not there": ("nowhere.csv", None, "does not exist"),
    "empty": ("empty.csv", b"", "empty"),
    "not what its name says": ("photo.csv", b"\x89PNG\r\n\x1a\n0000", "PNG"),
    "a folder": (".", None, "folder"),
}


@pytest.mark.parametrize(("name", "content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused_before_any_model_is_asked(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    model = gn.ScriptedModel([])
    run = gn.Genie(model=model).ask("What is in it?", files=[tmp_path / name], show=False).result()
    assert words in str(run.error)
    assert not model.asked


def test_a_dataframe_is_handed_over_as_it_was_when_asked() -> None:
    frame = pd.DataFrame({"city": ["Oslo", "Rome"], "when": pd.to_datetime(["2024-01-01", "2024-02-01"])})
    gate = threading.Event()

    def script(messages: Any, tools: Any) -> gn.Say:
        gate.wait(120)
        if messages[-1].role == "tool":
            return gn.Say(messages[-1].content)
        return gn.Say("", calls=[("code_interpreter", {"code": "print(df.city.tolist(), df.when.dt.year.tolist())"})])

    run = gn.Genie(model=gn.ScriptedModel(script), agent="react").ask("?", data={"df": frame}, show=False)
    frame["city"] = "changed"
    gate.set()
    run.result()
    assert "['Oslo', 'Rome'] [2024, 2024]" in run.answer


def test_a_table_that_cannot_be_handed_over_is_refused_in_the_run() -> None:
    run = gn.ask("?", data={"df": [1, 2]}, show=False).result()  # type: ignore[dict-item]
    assert "list" in str(run.error)


@pytest.mark.parametrize("given", [pd.DataFrame({"x": [1]}), pd.DataFrame(), [1]], ids=["frame", "empty frame", "list"])
def test_a_dataframe_without_a_name_is_refused_in_the_run(given: Any) -> None:
    run = gn.ask("?", data=given, show=False).result()
    assert run.status == "failed"
    assert 'data={"df": df}' in str(run.error)


def test_a_persons_own_function_runs_in_the_persons_own_process() -> None:
    @gn.tool
    async def where(label: str) -> str:
        """Where this runs."""
        await asyncio.sleep(0)
        return f"{label} {os.getpid()}"

    model = gn.ScriptedModel([gn.Say(calls=[("where", {"label": "here"})]), gn.Say("done")])
    run = gn.Genie(model=model, agent="react", tools=[where]).ask("?", show=False).result()
    assert [call.output for call in run.transcript.calls.values()] == [f"here {os.getpid()}"]


def test_a_plain_function_can_be_a_tool() -> None:
    def double(n: int) -> int:
        """Twice a number."""
        return 2 * n

    model = gn.ScriptedModel([gn.Say(calls=[("double", {"n": 21})]), gn.Say("done")])
    run = gn.Genie(model=model, agent="react", tools=[double]).ask("?", show=False).result()
    assert [call.output for call in run.transcript.calls.values()] == ["42"]


def test_the_code_interpreters_death_is_told_and_survived() -> None:
    model = gn.ScriptedModel(
        [
            gn.Say(calls=[("code_interpreter", {"code": "import os; os._exit(3)"})]),
            gn.Say(calls=[("code_interpreter", {"code": "print(6 * 7)"})]),
            gn.Say("done"),
        ]
    )
    run = gn.Genie(model=model, agent="react").ask("?", show=False).result()
    died, lived = (call.output for call in run.transcript.calls.values())
    assert run.status == "finished"
    assert "process" in died.lower()
    assert "42" in lived


def test_an_endless_cell_is_stopped_at_its_limit_and_the_model_is_told() -> None:
    model = gn.ScriptedModel([gn.Say(calls=[("code_interpreter", {"code": "while True: pass"})]), gn.Say("done")])
    run = gn.Genie(model=model, agent="react", code_timeout_s=1).ask("?", show=False).result()
    assert run.status == "finished"
    assert "1 s" in next(iter(run.transcript.calls.values())).output


def test_no_key_reaches_the_code_the_events_or_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key-2")
    call = ToolCallRequest("call_0", "code_interpreter", '{"code": "import os; print(dict(os.environ))"}')
    with ModelServer([sse_reply("", [call]), error_reply(401, "the key canary-key-1 is wrong")]) as server:
        run = gn.Genie(model="tiny", base_url=server.url, agent="react").ask("?", show=False).result()
    assert server.requests[0].headers["authorization"] == "Bearer canary-key-1"
    asyncio.run(gn.record(run.events(), "run.jsonl"))
    everything = Path("run.jsonl").read_text() + "".join(run._repr_mimebundle_().values()) + repr(run) + str(run.error)
    assert "canary-key" not in everything


def test_several_runs_at_once_keep_their_own_variables() -> None:
    def script(messages: Any, tools: Any) -> gn.Say:
        own = messages[1].content.split("number ")[1].split()[0]
        if messages[-1].role != "tool":
            return gn.Say(calls=[("code_interpreter", {"code": f"x = {own}"})])
        if len(messages) == 4:
            return gn.Say(calls=[("code_interpreter", {"code": "print('x is', x)"})])
        return gn.Say(messages[-1].content)

    genie = gn.Genie(model=gn.ScriptedModel(script), agent="react")
    runs = [genie.ask(f"number {n} ", show=False) for n in range(3)]
    assert [run.result().answer.strip() for run in runs] == ["x is 0", "x is 1", "x is 2"]
