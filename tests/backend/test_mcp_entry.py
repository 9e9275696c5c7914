"""How MCP servers are named in arguments, in `genie.yaml` and in a variable."""

from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.folder_settings import read_folder, trust
from genie_nb.backend.mcp_entry import McpEntry
from genie_nb.backend.settings import Settings
from genie_nb.errors import SettingsError


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def named(entry: McpEntry) -> tuple[Any, ...]:
    return entry.label, entry.url, entry.command, entry.args


WRITTEN = {
    "an-address": (["http://h.example:3/mcp"], ("h", "http://h.example:3/mcp", None, ())),
    "a-host-in-numbers": (["http://127.0.0.1:3/sse"], ("127_0_0_1", "http://127.0.0.1:3/sse", None, ())),
    "a-host-called-mcp": (["https://mcp.weather.example/"], ("weather", "https://mcp.weather.example/", None, ())),
    "a-command-line": (["python -u /x/weather.py"], ("weather", None, "python", ("-u", "/x/weather.py"))),
    "a-quoted-command-line": (["uvx 'a b'"], ("a_b", None, "uvx", ("a b",))),
    "words": ([["python3.11", "/x/my weather.py"]], ("my_weather", None, "python3.11", ("/x/my weather.py",))),
    "npx": ([["npx", "-y", "@m/files@1.2", "/home"]], ("files", None, "npx", ("-y", "@m/files@1.2", "/home"))),
    "an-end-that-says-nothing": ([["node", "/m/all/dist/index.js"]], ("all", None, "node", ("/m/all/dist/index.js",))),
    "a-mapping": ([{"name": "hi there", "url": "http://h/"}], ("hi_there", "http://h/", None, ())),
    "one-mapping": ({"command": "serve it", "args": ["x"]}, ("serve_it", None, "serve it", ("x",))),
    "one-address": ("http://h/mcp", ("h", "http://h/mcp", None, ())),
    "only-a-program": (["python"], ("python", None, "python", ())),
    "no-letters": ([{"command": "天气"}], ("mcp", None, "天气", ())),
}  # fmt: skip


@pytest.mark.parametrize(("given", "entry"), WRITTEN.values(), ids=WRITTEN)
def test_a_server_may_be_written_in_many_ways(given: Any, entry: tuple[Any, ...]) -> None:
    (found,) = Settings.load(mcp=given).mcp
    assert named(found) == entry
    assert Settings.load().with_run(mcp=Settings.load(mcp=given).mcp).mcp == (found,)


def test_jdgenies_comma_list_may_stand_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_MCP", "http://a/sse, http://b/mcp,")
    assert [entry.url for entry in Settings.load().mcp] == ["http://a/sse", "http://b/mcp"]
    monkeypatch.setenv("GENIE_MCP", '[{"url": "http://a/", "timeout_s": 3}, "python s.py"]')
    assert [(entry.label, entry.timeout_s) for entry in Settings.load().mcp] == [("a", 3.0), ("s", None)]


def test_servers_may_stand_in_genie_yaml() -> None:
    Path("genie.yaml").write_text(
        "mcp:\n  - http://a/mcp\n  - python weather.py\n  - {name: files, command: npx, args: [-y, files], asks: true}\n"
    )
    trust(read_folder(Path(), Settings.defaults()))
    assert [(entry.label, entry.asks) for entry in Settings.load().mcp] == [
        ("a", False),
        ("weather", False),
        ("files", True),
    ]


WRONG = {
    "neither": ([{"name": "x"}], "an mcp server is named by its url or by its command, one of the two"),
    "both": ([{"url": "http://a", "command": "b"}], "an mcp server is named by its url or by its command, one of the two"),
    "another-scheme": (["ftp://a b"], "an address of an mcp server begins with http:// or https://"),
    "no-host": (["http://"], "an address of an mcp server begins with http:// or https://"),
    "an-open-quote": (["a 'b"], "no closing quotation"),
    "no-time": ([{"url": "http://a", "timeout_s": 0}], "input should be greater than 0"),
    "an-unknown-name": ([{"url": "http://a", "colour": 1}], "extra inputs are not permitted"),
    "no-list": (5, "input should be a valid tuple"),
    "no-json": ("[1", "begins like json and is none"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_server_is_told(given: Any, words: str) -> None:
    with pytest.raises(SettingsError, match="The setting 'mcp") as told:
        Settings.load(mcp=given)
    assert words in str(told.value)


def test_what_a_server_is_given_is_told_to_nobody() -> None:
    wrong = {"url": "http://a", "env": {"KEY": "sk-canary"}, "colour": "sk-canary"}
    with pytest.raises(SettingsError) as told:
        Settings.load(mcp=[wrong])
    assert "canary" not in str(told.value)
