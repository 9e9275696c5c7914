"""Conversations with a server: remembered by their client's name for them, bounded, and ended after a rest."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.server.serving import Server
from genie_nb.backend.server.sessions import Sessions
from genie_nb.backend.settings import Settings
from genie_nb.errors import AdmissionRefused
from genie_nb.events import NoteAdded, RunQueued
from tests.fakes import BOUND_S, of_kind, run

WAIT_S = BOUND_S
ROWS = "region,product,amount\nNorth,A,10\nSouth,A,20\nNorth,B,30\n"
Serve = Callable[..., Server]


def cell(code: str) -> str:
    return f"```python\n{code}\n```"


def printed(asked: Any) -> str:
    return next(iter(asked.transcript.calls.values())).output


def test_a_follow_up_over_the_network_knows_question_files_and_variables(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "销售.csv").write_text(ROWS, "utf-8")
    server = serve(None)
    with gn.connect(server.url) as genie:
        chat = genie.chat()
        chat.ask("What is the total amount by region?", files=tmp_path / "销售.csv", show=False)
        second = chat.ask("Only for product A", show=False).result(WAIT_S)
        assert "South has the highest total amount" in second.answer
        chat.ask(cell("seen = 41"), show=False)
        assert "42" in printed(chat.ask(cell("print(seen + 1)"), show=False).result(WAIT_S))
        alone = genie.ask(cell("print(seen + 1)"), show=False).result(WAIT_S)
        assert "NameError" in printed(alone)
        again = genie.chat(chat.chat_id).ask(cell("print(seen + 2)"), show=False).result(WAIT_S)
        assert "43" in printed(again)
        assert len(chat) == 4
        assert json.loads(chat.to_json())[0]["query"] == "What is the total amount by region?"


def test_questions_of_one_conversation_wait_for_each_other_in_order(serve: Serve) -> None:
    server = serve(None)
    with gn.connect(server.url) as genie:
        chat = genie.chat()
        asked = [chat.ask(cell(f"import time; time.sleep(0.3); print({n})"), show=False) for n in range(4)]
        for one in asked:
            one.result(WAIT_S)
        ends = [one.transcript.ended_at for one in asked]
        assert ends == sorted(ends)
        assert any(of_kind([entry.event for entry in one.channel.after(0)], RunQueued) for one in asked[1:])


def test_another_client_has_conversations_of_its_own(serve: Serve) -> None:
    """The page of JDGenie has no token, and one session id for all questions of a page; it gets no word of ours."""
    model = gn.ScriptedModel([gn.Say("Forty-two."), gn.Say("Who are you?"), gn.Say("As I said."), gn.Say("Of the chain.")])
    server = serve(model)
    with gn.connect(server.url) as genie:
        genie.chat("s-1").ask("What is it?", show=False).result(WAIT_S)
    page = {"sessionId": "s-1", "requestId": "r-1", "query": "再说一次", "deepThink": 0}
    for path, body in (
        ("/web/api/v1/gpt/queryAgentStreamIncr", page),
        ("/web/api/v1/gpt/queryAgentStreamIncr", page | {"requestId": "r-2"}),
        ("/AutoAgent", {"requestId": "genies-1:r-3", "query": "And?", "agentType": 5}),
    ):
        assert httpx.post(server.address + path, json=body, timeout=WAIT_S).status_code == 200
    told = [read_sections(messages[-1].content).get("conversation", "") for messages in model.asked]
    assert told[:2] == ["", ""]
    assert json.loads(told[2])["answer"] == "Who are you?"
    assert [json.loads(line)["answer"] for line in told[3].splitlines()] == ["Who are you?", "As I said."]


def test_a_page_asks_follow_ups_through_a_gateway_too(serve: Serve) -> None:
    model = gn.ScriptedModel([gn.Say("Forty-two."), gn.Say("As I said.")])
    gateway = serve(None, agent_url=serve(model).address)
    for request_id in ("r-1", "r-2"):
        page = {"sessionId": "s-1", "requestId": request_id, "query": "多少？", "deepThink": 0}
        httpx.post(f"{gateway.address}/web/api/v1/gpt/queryAgentStreamIncr", json=page, timeout=WAIT_S).raise_for_status()
    told = [read_sections(messages[-1].content).get("conversation", "") for messages in model.asked]
    assert [told[0], json.loads(told[1])["answer"]] == ["", "Forty-two."]


def test_a_client_is_told_when_the_server_has_forgotten(serve: Serve, tmp_path: Path) -> None:
    server = serve(gn.ScriptedModel([gn.Say("1"), gn.Say("2"), gn.Say("3")]), max_sessions=1)
    with gn.connect(server.url) as genie:
        chat = genie.chat()
        chat.ask("one", show=False).result(WAIT_S)
        genie.chat().ask("of another conversation", show=False).result(WAIT_S)
        late = chat.ask("two", show=False).result(WAIT_S)
        (note,) = of_kind([entry.event for entry in late.channel.after(0)], NoteAdded)
        assert note.text.startswith("The server remembers 0 of the 1 questions before this one")
        assert note.level == "warning"


@pytest.mark.parametrize("body", [{"session_id": "x" * 201}, {"session_id": 5}, {"turn": -1}, {"turn": "many"}])
def test_a_bad_name_of_a_conversation_is_refused(serve: Serve, body: dict[str, object]) -> None:
    server = serve(gn.ScriptedModel([]))
    headers = {"authorization": f"Bearer {server.host.token}"}
    answer = httpx.post(f"{server.address}/v1/runs", json={"query": "x"} | body, headers=headers, timeout=BOUND_S)
    assert answer.status_code == 422
    assert next(iter(body)) in answer.text


@pytest.mark.parametrize("name", ["../../etc", "a/b", "\x00", "C:\\x", "名" * 100])
def test_a_hostile_name_of_a_conversation_is_only_a_name(serve: Serve, name: str) -> None:
    server = serve(gn.ScriptedModel([gn.Say("ok")]))
    with gn.connect(server.url) as genie:
        asked = genie.chat(name).ask("x", show=False).result(WAIT_S)
        assert asked.status == "finished"


class Asked:
    """A run whose end a test says."""

    def on_end(self, call: Callable[[], object]) -> None:
        self.end = call


def sessions(tmp_path: Path, **server: Any) -> Sessions:
    return Sessions(Settings.load(runs_folder=tmp_path).with_server(**server))


def test_what_rested_longest_makes_room_and_what_works_never_does(tmp_path: Path) -> None:
    async def main() -> None:
        kept = sessions(tmp_path, max_sessions=2)
        runs = [Asked(), Asked()]
        for name, asked in zip("ab", runs, strict=True):
            kept.find("", name).begin(asked)  # type: ignore[arg-type]
        with pytest.raises(AdmissionRefused, match="All 2 conversations of this server are at work") as refused:
            kept.find("", "c")
        assert refused.value.status == 429
        first, second = kept.find("", "a"), kept.find("", "b")
        runs[1].end()
        await asyncio.sleep(0.01)
        runs[0].end()
        kept.find("", "c")
        assert kept.find("", "a") is first
        assert kept.find("", "b") is not second
        assert kept.find("other", "a") is not first
        await kept.close()
        assert len(kept) == 0

    run(main())


def test_what_rests_too_long_is_ended_with_its_python(tmp_path: Path) -> None:
    closed = asyncio.Event()

    class Python:
        async def close(self) -> None:
            closed.set()

    async def main() -> None:
        kept = sessions(tmp_path, session_s=0.05)
        busy, resting = kept.find("", "busy"), kept.find("", "resting")
        busy.begin(Asked())  # type: ignore[arg-type]
        resting.conversation.interpreter = Python()  # type: ignore[assignment]
        await asyncio.wait_for(closed.wait(), 10)
        assert len(kept) == 1
        assert kept.find("", "busy") is busy
        await kept.close()

    run(main())
