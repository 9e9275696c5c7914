"""An empty token is never one: refused wherever it is given, and by the guard itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

import genie_nb as gn
from genie_nb.backend.server.guard import Guard
from genie_nb.backend.server.tokens import token_of
from genie_nb.backend.settings import ServerSettings, Settings
from genie_nb.errors import SettingsError
from tests.fakes import run

EMPTY = "'server.token' is wrong: an empty token would let everybody in"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("token", ["", " ", "\t\n"])
def test_an_empty_token_is_refused_in_words(token: str) -> None:
    for process in (False, True):
        with pytest.raises(SettingsError, match=EMPTY):
            gn.serve(process=process, token=token)
    with pytest.raises(SettingsError, match=EMPTY):
        gn.serve(settings={"server": {"token": token}})


@pytest.mark.parametrize("command", [["serve"], ["serve", "--service", "offer"], ["mcp", "--http"]], ids=" ".join)
def test_a_variable_that_is_not_set_does_not_open_the_server(command: list[str]) -> None:
    """As in `--token "$UNSET"`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENIE_", "OPENAI_"))}
    whole = [sys.executable, "-m", "genie_nb.cli", *command, "--port", "0", "--token", ""]
    done = subprocess.run(whole, env=clean, capture_output=True, text=True, timeout=50, check=False)

    assert done.returncode == 2
    assert EMPTY in done.stderr
    assert done.stdout == ""


def test_a_blank_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_SERVER__TOKEN", "  ")

    with pytest.raises(SettingsError, match=f"{EMPTY}.*variable GENIE_SERVER__TOKEN"):
        Settings.load()


def test_a_variable_that_says_nothing_leaves_the_token_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_SERVER__TOKEN", "")
    with gn.serve() as server:
        asked = [
            httpx.get(f"{server.address}/v1/runs{query}", headers=headers).status_code
            for query in ("", "?token=", "?token=%20")
            for headers in ({}, {"Authorization": "Bearer"})
        ]
        known = httpx.get(f"{server.address}/v1/runs", headers={"Authorization": f"Bearer {server.token}"}).status_code

    assert len(server.token) >= 32
    assert (set(asked), known) == ({401}, 200)


def test_every_token_that_is_made_or_kept_says_something(tmp_path: Path) -> None:
    settings = ServerSettings(log=tmp_path / "runs.sqlite")
    assert len(token_of(ServerSettings())) >= 32
    assert len(token_of(settings)) >= 32

    (tmp_path / "runs.sqlite.token").write_text(" \n")
    with pytest.raises(SettingsError, match="holds no token"):
        token_of(settings)


@pytest.mark.parametrize("token", ["", " "])
@pytest.mark.parametrize("given", [b"", b"Bearer ", b"Bearer", b"Bearer  "])
@pytest.mark.parametrize("query", [b"", b"token=", b"token=%20"])
def test_the_guard_lets_nobody_in_with_an_empty_token(token: str, given: bytes, query: bytes) -> None:
    sent: list[Any] = []

    async def app(*_: object) -> None:
        raise AssertionError("it was let in")

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(app, token=token, hosts=("*",), origins=(), jdgenie=False, max_body=1, larger={})
    headers = [(b"host", b"h"), (b"authorization", given)]
    scope = {"type": "http", "method": "GET", "path": "/v1/runs", "query_string": query, "headers": headers}
    run(guard(scope, receive, send))

    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["error"]["code"] == "unauthorized"


def test_what_holds_the_token_does_not_show_it() -> None:
    assert "word" not in repr(ServerSettings(token=SecretStr("word")))
