"""Settings that are lists, from the environment: with commas or as JSON, and a wrong one is told by its variable's name."""

from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.fetching import check_address
from genie_nb.backend.settings import SearchSettings, ServerSettings, Settings
from genie_nb.errors import RequestError, SettingsError
from tests.fakes import run


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def at(settings: Settings, place: str) -> Any:
    found: Any = settings
    for name in place.split("."):
        found = getattr(found, name)
    return found


LISTS = {
    "server.fetch_hosts": ("127.0.0.1, mcp.example.org", '["127.0.0.1", "mcp.example.org"]'),
    "server.hosts": ("genie.example.org,b.example", '["genie.example.org","b.example"]'),
    "server.origins": ("http://a.example,http://b.example", '["http://a.example","http://b.example"]'),
    "search.fetch_hosts": ("docs.example", '["docs.example"]'),
    "search.folders": ("notes, more/notes", '["notes", "more/notes"]'),
    "search.engines": ("folders,tavily", '["folders", "tavily"]'),
    "approval": ("code_interpreter, report*", '["code_interpreter", {"tool": "report*"}]'),
    "mcp": ("http://a.example/mcp, http://b.example/sse", '["http://a.example/mcp", {"url": "http://b.example/sse"}]'),
}


@pytest.mark.parametrize("place", LISTS)
def test_a_list_in_a_variable_has_commas_or_is_json(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = "GENIE_" + place.upper().replace(".", "__")
    default = at(Settings.load(), place)
    read = []
    for text in LISTS[place]:
        monkeypatch.setenv(variable, text)
        read.append(at(Settings.load(), place))

    assert read[0] == read[1] != default
    assert len(read[0]) == LISTS[place][0].count(",") + 1


def test_every_setting_that_is_a_list_is_tried_here() -> None:
    lists = {
        f"{prefix}{name}"
        for prefix, section in (("server.", ServerSettings), ("search.", SearchSettings), ("", Settings))
        for name, field in section.model_fields.items()
        if "tuple[" in str(field.annotation)
    }
    assert lists == set(LISTS)


def test_an_argument_may_be_written_the_same_way() -> None:
    assert Settings.load().with_server(fetch_hosts="a.example, b.example").server.fetch_hosts == ("a.example", "b.example")
    assert Settings.load(search={"engines": "packages"}).search.engines == ("packages",)


WRONG = {
    "an unknown engine": ("GENIE_SEARCH__ENGINES", "folders,altavista", r"'search\.engines\.1' is wrong"),
    "half of JSON": ("GENIE_SERVER__FETCH_HOSTS", '["a.example"', r"'server\.fetch_hosts' is wrong: .* begins like json"),
    "a list of numbers": ("GENIE_SERVER__HOSTS", "[1]", r"'server\.hosts\.0' is wrong"),
    "no number": ("GENIE_SERVER__MAX_LINKS", "many", r"'server\.max_links' is wrong"),
    "an unknown name": ("GENIE_SERVER__COLOUR", "red", r"'server\.colour' is wrong"),
    "no rule": ("GENIE_APPROVAL", '[{"then": "maybe"}]', r"'approval\.0\.then' is wrong"),
    "an object's part": ("GENIE_SERVER", '{"max_links": 0}', r"'server\.max_links' is wrong"),
    "no object": ("GENIE_SERVER", "127.0.0.1", "must be a JSON object. .* GENIE_SERVER__NAME"),
    "in small letters": ("genie_max_steps", "many", "'max_steps' is wrong"),
}


@pytest.mark.parametrize(("variable", "text", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_told_by_its_variable(variable: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError, match=told) as caught:
        Settings.load()
    assert f"variable {variable}" in str(caught.value)
    assert "genie.yaml" not in str(caught.value)


@pytest.mark.parametrize("given", [{"max_steps": 0}, {"server": {"max_links": 0}}])
def test_a_wrong_argument_is_not_blamed_on_a_variable(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_MAX_STEPS", "5")
    monkeypatch.setenv("GENIE_SERVER__MAX_LINKS", "5")

    with pytest.raises(SettingsError, match="is wrong") as caught:
        Settings.load(**given)
    assert "variable" not in str(caught.value)


def test_a_wrong_line_of_the_file_is_not_blamed_on_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("genie.yaml").write_text("agent: 3\n")
    monkeypatch.setenv("GENIE_MODEL", "tiny")

    with pytest.raises(SettingsError, match="'agent' is wrong") as caught:
        Settings.load()
    assert "variable" not in str(caught.value)


@pytest.mark.parametrize(("name", "section"), [("server", ServerSettings), ("search", SearchSettings)])
def test_the_refusal_of_a_private_address_names_the_variables_that_allow_it(
    name: str, section: type[ServerSettings | SearchSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError) as caught:
        run(check_address("http://127.0.0.1:9/mcp", section()))
    for variable, value in ((f"GENIE_{name}__FETCH_HOSTS", "127.0.0.1"), (f"GENIE_{name}__PRIVATE_ADDRESSES", "true")):
        assert variable.upper() in str(caught.value)
        with monkeypatch.context() as environment:
            environment.setenv(variable.upper(), value)
            run(check_address("http://127.0.0.1:9/mcp", getattr(Settings.load(), name)))
