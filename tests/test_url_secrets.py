"""Passwords in addresses: used where they are meant for, shown nowhere."""

import asyncio
import logging
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.client import Client
from genie_nb.backend.mcp.peers import McpServer
from genie_nb.backend.mcp_entry import McpEntry
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.service_link import GenieToolService
from genie_nb.errors import GenieError, LinkError, SettingsError
from genie_nb.url_secrets import split_credentials, without_passwords
from tests.fakes import BOUND_S
from tests.model_server import ModelServer, error_reply, sse_reply

WORD = "canary%2Fword"
BASIC = f"Basic {b64encode(b'me:canary/word').decode()}"

TEXTS = {
    "http://me:word@host/v1": "http://…@host/v1",
    "http://token@host": "http://…@host",
    "postgresql://me:p@ss@host:5432/db": "postgresql://…@host:5432/db",
    "see https://host/x?token=abc&n=1, please": "see https://host/x?token=…&n=1, please",
    "https://host/?api_key=abc#x": "https://host/?api_key=…#x",
    "two: ftp://a:b@c d://e:f@g": "two: ftp://…@c d://…@g",
    "mail me@host": "mail me@host",
    "https://host/path/me@place": "https://host/path/me@place",
    "https://host/?monkey=1": "https://host/?monkey=1",
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.items(), ids=TEXTS)
def test_a_text_is_shown_without_the_passwords_of_its_addresses(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


ADDRESSES = {
    "http://host/v1": ("http://host/v1", None),
    "http://me:canary%2Fword@host:8/v1?x=1": ("http://host:8/v1?x=1", BASIC),
    "http://me:canary%2Fword@[::1]:8": ("http://[::1]:8", BASIC),
    "http://[broken": ("http://[broken", None),
    "": ("", None),
}


@pytest.mark.parametrize(("url", "parts"), ADDRESSES.items(), ids=ADDRESSES)
def test_user_and_password_of_an_address_become_a_header(url: str, parts: tuple[str, str | None]) -> None:
    address, headers = split_credentials(url)

    assert (address, headers.get("Authorization")) == parts


def test_no_error_of_ours_holds_a_password() -> None:
    assert "canary" not in str(GenieError(f"Cannot reach http://me:{WORD}@host/ now."))
    for refused in (
        lambda: Client(f"ftp://me:{WORD}@host"),
        lambda: GenieToolService(f"ftp://me:{WORD}@host"),
        lambda: gn.Genie(base_url=f"ftp://me:{WORD}@host", model="m")._make_model(),
        lambda: gn.Genie(base_url=f"http://me:{WORD}@host")._make_model(),
    ):
        with pytest.raises((LinkError, SettingsError)) as caught:
            refused()
        assert "canary" not in repr(caught.value)


def test_settings_are_shown_without_passwords() -> None:
    url = f"http://me:{WORD}@host/v1"
    settings = Settings.load(
        base_url=url, tool_url=url, mcp_url=url, mcp=[url, f"server --db {url}"],
        search={"tavily_url": url}, server={"agent_url": url},
    )  # fmt: skip

    assert "canary" not in f"{settings!r} {settings}"
    assert "…@host" in repr(settings)


@pytest.mark.parametrize("reply", [sse_reply("Well."), error_reply(401, "no")], ids=["answered", "refused"])
def test_a_models_password_reaches_its_server_and_nothing_else(
    reply: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), ModelServer([reply]) as server:  # type: ignore[list-item]
        url = server.url.replace("://", f"://me:{WORD}@")
        genie = gn.Genie(model="tiny", base_url=url, agent="react", runs_folder=tmp_path / "runs")
        run = genie.ask("Hello?", show=False).result(BOUND_S)
        (asked,) = server.requests
    run.to_notebook(tmp_path / "run.ipynb")
    exported = (tmp_path / "run.ipynb").read_text(encoding="utf-8")

    assert asked.headers["authorization"] == BASIC
    assert "HTTP Request: POST" in caplog.text
    assert "canary" not in caplog.text
    assert "canary" not in f"{run!r} {run.error} {run.to_json()} {run.to_html()} {run.to_markdown()} {exported}"


def test_an_mcp_servers_password_is_sent_as_a_header() -> None:
    server = McpServer.of(McpEntry.model_validate(f"http://me:{WORD}@host/mcp"), "host")
    named = McpEntry.model_validate({"url": f"http://me:{WORD}@host/mcp", "headers": {"Authorization": "Bearer x"}})

    assert (server.url, dict(server.headers)) == ("http://host/mcp", {"authorization": BASIC})
    assert dict(McpServer.of(named, "host").headers) == {"authorization": "Bearer x"}


def test_a_servers_password_is_sent_where_it_has_no_token() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    for address in (f"http://me:{WORD}@host/base", f"http://me:{WORD}@host/base?token=t"):
        client = Client(address, transport=httpx.MockTransport(answer))
        assert client.address == "http://host/base"
        asyncio.run(client.look("r"))

    assert [request.headers["authorization"] for request in asked] == [BASIC, "Bearer t"]
    assert {str(request.url) for request in asked} == {"http://host/base/v1/runs/r"}
