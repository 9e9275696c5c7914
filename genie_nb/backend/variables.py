"""Environment variables that give settings: `GENIE_` and the name, or `GENIE_SERVER__` and the name for one of a section.

Above: `settings`. Below: `errors`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from genie_nb.errors import SettingsError

__all__ = ("read_variables", "variable_at")

_USUAL = {"base_url": "OPENAI_BASE_URL", "api_key": "OPENAI_API_KEY"}
"""Variables of other names that count where ours says nothing."""


def read_variables(names: Iterable[str], sections: Iterable[str]) -> dict[str, Any]:
    """What the environment sets, by the names of settings; an empty variable says nothing.

    Args:
        names: Of all settings.
        sections: Those of them that are sections. A variable for a whole one holds a JSON object.

    Raises:
        SettingsError: A variable that stands for a whole section holds no JSON object.
    """
    given = {variable.upper(): value for variable, value in os.environ.items() if value}
    values: dict[str, Any] = {}
    for name in names:
        ours, usual = _variable(name), _USUAL.get(name, "")
        if ours in given or usual in given:
            values[name] = given[ours] if ours in given else given[usual]
    for section in sections:
        prefix = _variable(section, "")
        settings = {name.removeprefix(prefix).lower(): value for name, value in given.items() if name.startswith(prefix)}
        if section in values or settings:
            values[section] = _whole(_variable(section), values.get(section, "{}")) | settings
    return values


def variable_at(place: tuple[int | str, ...], environment: Mapping[str, Any]) -> str:
    """The variable that says what stands at this place of the settings, as the environment spells it; else nothing."""
    value: Any = environment
    for part in place:
        if not isinstance(value, Mapping):
            break
        if part not in value:
            return ""
        value = value[part]
    names = [_variable(*place[:length]) for length in range(len(place), 0, -1)] + [_USUAL.get(str(place[0]), "")]
    return next((variable for name in names for variable in os.environ if variable.upper() == name), "")


def _variable(*place: int | str) -> str:
    return "GENIE_" + "__".join(map(str, place)).upper()


def _whole(variable: str, text: str) -> dict[str, Any]:
    try:
        section = json.loads(text)
    except ValueError:
        section = None
    if isinstance(section, dict):
        return section
    # Neither the value nor the parser's reason is told: the value may be a key.
    raise SettingsError(
        f"The variable {variable} is wrong: it stands for a whole section and must be a JSON object. "
        f"Single settings have variables of their own, such as {variable}__NAME."
    )
