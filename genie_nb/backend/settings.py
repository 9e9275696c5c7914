"""Settings: everything that can be configured, frozen, and the only reader of environment variables and `genie.yaml`.

Order, the first that says something counts: arguments of `Genie(...)`, `GENIE_*` variables, the usual `OPENAI_*` variables,
`genie.yaml` in the working directory, the defaults below.

Below: `errors`.
"""

from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError  # type: ignore[import-untyped]  # it ships no types

from genie_nb.errors import SettingsError

__all__ = ("OFFLINE", "Settings")

OFFLINE = "offline"
"""The name of the built-in analyst that is rules and not a language model."""


class Settings(BaseSettings):
    """All settings of genie_nb.

    Attributes:
        model: The model's name; `offline` is the built-in analyst.
        base_url: Where an OpenAI-compatible server answers, usually ending in `/v1`.
        api_key: The key for it.
        context_tokens: How many tokens of conversation the model takes.
        agent: `plan_solve` or `react`.
        max_steps: How many times a run may ask its model, in all.
        max_task_steps: How many times one task may ask its model.
        max_parallel: How many tasks of a plan run at once.
        deadline_s: Seconds that a run may take.
        code_timeout_s: Seconds that one cell of the code interpreter may take.
        tool_timeout_s: Seconds that one call of any other tool may take.
        memory_mib: MiB of address space that the code interpreter may take.
        runs_folder: Where each run gets a folder of its own.
    """

    model_config = SettingsConfigDict(
        env_prefix="GENIE_",
        yaml_file="genie.yaml",
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        env_ignore_empty=True,
    )

    model: str | None = None
    base_url: str | None = Field(None, validation_alias=AliasChoices("GENIE_BASE_URL", "OPENAI_BASE_URL"))
    api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("GENIE_API_KEY", "OPENAI_API_KEY"))
    context_tokens: int = Field(100_000, ge=1_000)
    agent: str = "plan_solve"
    max_steps: int = Field(60, ge=1)
    max_task_steps: int = Field(12, ge=1)
    max_parallel: int = Field(4, ge=1)
    deadline_s: float = Field(3600.0, gt=0)
    code_timeout_s: float = Field(120.0, gt=0)
    tool_timeout_s: float = Field(120.0, gt=0)
    memory_mib: int = Field(4096, ge=1024)
    runs_folder: Path = Path("genie_runs")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where settings come from, first one first."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings in force, with the given ones on top; `None` stands for not given.

        Raises:
            SettingsError: A setting is unknown or has a wrong value, or `genie.yaml` cannot be read.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingsError(f"The setting {name!r} is wrong: {first['msg'].lower()}.") from None
        except (YAMLError, OSError, TypeError, ValueError) as error:  # TypeError, ValueError: it holds a list, or a text
            mark = getattr(error, "problem_mark", None)
            place = f" (line {mark.line + 1})" if mark else ""
            # Neither the reason nor the cause is told: both may quote the line, and the line may hold a key.
            raise SettingsError(
                f"The file genie.yaml is no list of settings, one `name: value` a line{place}. Correct or remove it."
            ) from None
