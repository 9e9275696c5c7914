"""Which model the settings ask for."""

from typing import Any

import pytest

from genie_nb.backend.models import DEFAULT_MODEL, create_model
from genie_nb.backend.settings import Settings
from genie_nb.errors import SettingsError
from tests.fakes import run

URL, KEY = "http://localhost:8080/v1", "sk-canary-7351"

CHOICES = {
    "nothing": ({}, "offline rules", "offline"),
    "the analyst by name": ({"model": "offline", "api_key": KEY}, "offline rules", "offline"),
    "a key alone": ({"api_key": KEY}, "live: api.openai.com", DEFAULT_MODEL),
    "a name and a key": ({"model": "gpt-x", "api_key": KEY}, "live: api.openai.com", "gpt-x"),
    "a server of one's own": ({"model": "llama", "base_url": URL}, "local: localhost", "llama"),
}


@pytest.mark.parametrize(("given", "badge", "name"), CHOICES.values(), ids=CHOICES.keys())
def test_the_settings_choose_the_model(given: dict[str, Any], badge: str, name: str) -> None:
    model = create_model(Settings.load(**given))

    assert model.badge.startswith(badge.split(":")[0])
    assert (badge in model.badge, name in model.name) == (True, True)
    run(model.close())


def test_the_length_that_was_set_is_the_model_s() -> None:
    model = create_model(Settings.load(model="llama", base_url=URL, context_tokens=4_096))

    assert model.context_tokens == 4_096
    run(model.close())


INCOMPLETE = {
    "a name alone": ({"model": "gpt-x"}, "'gpt-x' needs a key or an address: set OPENAI_API_KEY"),
    "an address alone": ({"base_url": URL}, f"Which model is to answer at {URL}"),
    "an address with a key": ({"base_url": URL, "api_key": KEY}, "Set GENIE_MODEL"),
}


@pytest.mark.parametrize(("given", "told"), INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_what_is_missing_is_said(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        create_model(Settings.load(**given))

    assert KEY not in str(caught.value)
