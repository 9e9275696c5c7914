"""Settings: which place counts, and what a wrong value is answered with."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from genie_nb.backend.folder_settings import read_folder, trust
from genie_nb.backend.settings import Settings
from genie_nb.errors import SettingsError

KEY = "sk-canary-7351"


def write_trusted(text: str) -> None:
    Path("genie.yaml").write_text(text, encoding="utf-8")
    trust(read_folder(Path(), Settings.defaults()))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


PLACES = ("argument", "GENIE_BASE_URL", "OPENAI_BASE_URL", "genie.yaml")


@pytest.mark.parametrize("first", range(len(PLACES) + 1), ids=[*PLACES, "default"])
def test_the_first_place_that_says_something_counts(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = PLACES[first:]
    for variable in PLACES[1:3]:
        if variable in said:
            monkeypatch.setenv(variable, variable)
    if "genie.yaml" in said:
        write_trusted("base_url: genie.yaml\n")

    settings = Settings.load(base_url="argument" if "argument" in said else None)

    assert settings.base_url == (said[0] if said else None)


def test_any_setting_can_come_from_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    write_trusted("max_steps: 3\nagent: react\nruns_folder: runs\n")
    monkeypatch.setenv("GENIE_MAX_STEPS", "4")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    settings = Settings.load(deadline_s=5)

    assert (settings.max_steps, settings.agent, settings.runs_folder, settings.deadline_s) == (4, "react", Path("runs"), 5.0)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GENIE_MODEL", "GENIE_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://here/v1")

    settings = Settings.load()

    assert (settings.model, settings.base_url, settings.api_key) == (None, "http://here/v1", None)


WRONG = {
    "an unknown name": ({"colour": "red"}, "'colour' is wrong: extra inputs are not permitted"),
    "no number": ({"max_steps": "many"}, "'max_steps' is wrong: input should be a valid integer"),
    "too small": ({"max_steps": 0}, "'max_steps' is wrong: input should be greater than or equal to 1"),
    "no time at all": ({"deadline_s": 0}, "'deadline_s' is wrong: input should be greater than 0"),
    "too little memory": ({"memory_mib": 10}, "'memory_mib' is wrong"),
    "a model too small": ({"context_tokens": 10}, "'context_tokens' is wrong"),
}


@pytest.mark.parametrize(("given", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_named_with_the_reason(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.load(**given)


def test_a_wrong_variable_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_DEADLINE_S", "soon")

    with pytest.raises(SettingsError, match="'deadline_s' is wrong"):
        Settings.load()


FILES = {
    "an unknown name": (b"colour: red", "'colour' is wrong"),
    "half of YAML": (b"max_steps: [", "genie.yaml is no list of settings"),
    "a list": (b"- 1", "genie.yaml is no list of settings"),
    "no text": (b"\xff\xfe\x00", "genie.yaml is no list of settings"),
}


@pytest.mark.parametrize(("content", "told"), FILES.values(), ids=FILES.keys())
def test_a_broken_file_is_a_settings_error(content: bytes, told: str) -> None:
    Path("genie.yaml").write_bytes(content)
    with suppress(SettingsError):
        trust(read_folder(Path(), Settings.defaults()))

    with pytest.raises(SettingsError, match=told):
        Settings.load()


def test_the_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    settings = Settings.load()

    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(SettingsError) as caught:
        Settings.load(api_key=[KEY])
    assert KEY not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings.load().model = "other"  # type: ignore[misc]
