"""A folder's `genie.yaml`: what of it counts before the person has trusted it, and where keys go."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.backend.folder_settings import distrust, read_folder, trust, trusted_folders
from genie_nb.backend.settings import Settings
from genie_nb.errors import SettingsError
from genie_nb.events import NoteAdded
from tests.fakes import BOUND_S, of_kind

KEY = "sk-canary-4410"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, *, trusted: bool = False) -> None:
    Path("genie.yaml").write_text(text, encoding="utf-8")
    if trusted:
        trust(read_folder(Path(), Settings.defaults()))


HARMFUL = {
    "an address": "base_url: http://evil.example/v1",
    "an address by its variable's name": "OPENAI_BASE_URL: http://evil.example/v1",
    "a key": "api_key: sk-other",
    "a model": "model: the-most-expensive",
    "programs": "mcp: ['python evil.py']",
    "a service that gets the code": "tool_url: http://evil.example",
    "a service that gets the headers": "mcp_url: http://evil.example",
    "templates": "report_templates: templates",
    "a presentation": "slides_template: evil.pptx",
    "procedures for the planner": "playbooks: playbooks",
    "a folder elsewhere": "runs_folder: /tmp/elsewhere",
    "a search engine": "search: {tavily_url: 'http://evil.example', folders: ['/']}",
    "an open server": "server: {jdgenie: 'on', hosts: ['*'], token: known}",
    "more steps": "max_steps: 100000",
    "more time": "deadline_s: 1.0e+9",
    "more memory": "memory_mib: 9999999",
    "an approval for all": "approval: [{tool: '*', then: allow}]",
}


@pytest.mark.parametrize("line", HARMFUL.values(), ids=HARMFUL)
def test_without_trust_a_setting_that_can_do_harm_does_not_count_and_is_named(line: str) -> None:
    write(line)

    settings = Settings.load()

    assert settings.model_dump() == Settings().model_dump()
    assert settings.folder.left_out == (line.partition(":")[0],)
    assert line.partition(":")[0] in settings.remarks()[0]
    assert "genie-nb trust" in settings.remarks()[0]
    assert "genie-nb trust" in settings.remarks("zh")[0]
    assert "没有生效" in settings.remarks("zh")[0]


HARMLESS = {
    "agent": ("agent: react", "react"),
    "report_format": ("report_format: pptx", "pptx"),
    "max_steps": ("max_steps: 3", 3),
    "deadline_s": ("deadline_s: 1.5", 1.5),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_without_trust_a_setting_that_can_do_no_harm_counts(name: str) -> None:
    line, value = HARMLESS[name]
    write(line)

    settings = Settings.load()

    assert getattr(settings, name) == value
    assert settings.remarks() == ()


def test_without_trust_rules_that_make_a_run_safer_count() -> None:
    write("approval:\n- {tool: x, then: allow}\n- code_interpreter\n- {tool: 'mcp_*', then: refuse}\n")

    settings = Settings.load()

    assert [(rule.tool, rule.then) for rule in settings.approval] == [("code_interpreter", "ask"), ("mcp_*", "refuse")]
    assert settings.folder.left_out == ("approval",)


def test_trust_lasts_until_the_file_changes_and_holds_for_this_folder_alone(tmp_path: Path) -> None:
    write("model: mine\n", trusted=True)
    assert Settings.load().model == "mine"
    assert Settings.load().remarks() == ()

    write("model: other\n")
    assert Settings.load().model is None

    write("model: mine\n")
    assert Settings.load().model == "mine"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "genie.yaml").write_text("model: mine\n", encoding="utf-8")
    assert read_folder(copy, Settings.defaults()).left_out == ("model",)

    distrust(Path())
    assert Settings.load().model is None
    assert trusted_folders() == {}


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"x": 1}', "\x00"])
def test_a_broken_list_of_trusted_folders_trusts_nobody(kept: str) -> None:
    write("model: mine\n", trusted=True)
    (kept_in,) = Path(os.environ["XDG_CONFIG_HOME"]).rglob("*.json")
    kept_in.write_text(kept, encoding="utf-8")

    assert Settings.load().model is None


FILES: dict[str, Any] = {
    "a folder": lambda path: path.mkdir(),
    "too long": lambda path: path.write_text("# " + "x" * 2**20),
    "names that are no texts": lambda path: path.write_text("1: 2"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_a_file_that_is_no_list_of_settings_is_one_sentence(make: Any) -> None:
    make(Path("genie.yaml"))

    with pytest.raises(SettingsError, match=r"genie\.yaml"):
        Settings.load()


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "GENIE_API_KEY"])
def test_the_environments_key_is_not_sent_to_an_address_of_the_file(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, KEY)
    write("base_url: http://me:word@other.example/v1\nmodel: m\n", trusted=True)

    settings = Settings.load()

    assert settings.api_key is None
    assert "other.example" in settings.remarks()[0]
    assert "word" not in settings.remarks()[0]
    assert "other.example" in settings.remarks("zh")[0]


def test_a_key_goes_to_an_address_of_the_same_place_or_a_nearer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    write("base_url: http://other.example/v1\nmodel: m\n", trusted=True)
    assert Settings.load(base_url="http://mine.example/v1").api_key is not None
    assert Settings.load(api_key="sk-given").api_key is not None
    monkeypatch.setenv("OPENAI_BASE_URL", "http://mine.example/v1")
    assert Settings.load().api_key is not None
    monkeypatch.delenv("OPENAI_BASE_URL")
    write("base_url: http://other.example/v1\nmodel: m\napi_key: sk-of-the-file\n", trusted=True)

    settings = Settings.load()

    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "sk-of-the-file"


@pytest.mark.parametrize("engine", ["tavily", "serper", "brave", "bing", "searxng"])
def test_a_search_engines_key_is_not_sent_to_an_address_of_the_file(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"GENIE_SEARCH__{engine.upper()}_KEY", KEY)
    monkeypatch.setenv("GENIE_SEARCH__ROUNDS", "3")
    write(f"search: {{{engine}_url: 'http://other.example/'}}\n", trusted=True)

    settings = Settings.load()

    assert getattr(settings.search, f"{engine}_key") is None
    assert settings.search.rounds == 3
    assert "other.example" in settings.remarks()[0]


def test_headers_of_the_environments_mcp_servers_are_not_sent_to_a_service_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENIE_MCP", '[{"url": "http://mine.example/mcp", "headers": {"authorization": "canary"}}]')
    write("mcp_url: http://other.example/\n", trusted=True)

    settings = Settings.load()

    assert settings.mcp_url is None
    assert len(settings.mcp) == 1
    assert "other.example" in settings.remarks()[0]
    assert Settings.load(mcp_url="http://mine.example/").mcp_url == "http://mine.example/"


def test_what_a_file_holds_is_not_shown_with_the_folder() -> None:
    write("api_key: sk-canary\nmax_steps: 3\n", trusted=True)
    assert "canary" not in repr(Settings.load().folder)
    write("api_key: sk-canary\n")
    assert "canary" not in repr(Settings.load().folder)


def test_a_run_says_in_the_questions_language_what_does_not_count(tmp_path: Path) -> None:
    write("model: m\n")
    for query, words in (("What is 2 + 3?", "you have not trusted the folder"), ("2 + 3 等于几？", "尚未信任")):
        run = gn.ask(query, runs_folder=tmp_path / "runs", show=False).result(BOUND_S)
        notes = of_kind([entry.event for entry in run.channel.after(0)], NoteAdded)
        assert [words in note.text for note in notes] == [True]
    with gn.Chat(runs_folder=tmp_path / "runs") as chat:
        notes = of_kind([entry.event for entry in chat.ask("2 + 3?").result(BOUND_S).channel.after(0)], NoteAdded)
    assert len(notes) == 1


def test_a_server_says_at_its_start_what_does_not_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write("model: m\n")

    with caplog.at_level(logging.WARNING), gn.serve(settings={"runs_folder": tmp_path / "runs"}):
        pass

    assert "genie-nb trust" in caplog.text
