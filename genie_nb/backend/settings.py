"""Settings: everything that can be configured, frozen, and the only reader of environment variables and `genie.yaml`.

Order, the first that says something counts: arguments of `Genie(...)`, `GENIE_*` variables, the usual `OPENAI_*` variables,
`genie.yaml` in the working directory (what counts of it: `folder_settings`), the defaults below.

Below: `folder_settings`, `variables`, `mcp_entry`, `errors`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from genie_nb.backend.folder_settings import FolderSettings, read_folder
from genie_nb.backend.mcp_entry import McpEntry, entries_in
from genie_nb.backend.variables import read_variables, variable_at
from genie_nb.errors import SettingsError
from genie_nb.url_secrets import without_passwords

__all__ = ("OFFLINE", "ApprovalRule", "SearchSettings", "ServerSettings", "Settings")

SEARCH_ENGINES = ("tavily", "serper", "brave", "bing", "searxng")
"""Search engines of the web; each has a `…_key` and a `…_url`."""
T = TypeVar("T")
Listed = Annotated[tuple[T, ...], BeforeValidator(entries_in)]
"""A list, which a variable gives with commas or as JSON."""
OFFLINE = "offline"
"""The name of the built-in analyst that is rules and not a language model."""


_WITHHELD = {
    "en": (
        "Your environment's key is not sent to {address}, an address that genie.yaml names. Put the key into genie.yaml, "
        "or the address into the environment."
    ),
    "zh": (
        "{address} 是 genie.yaml 指定的地址，所以不会把环境变量中的密钥发送给它。"
        "请把密钥写进 genie.yaml，或把地址写进环境变量。"
    ),
}


class ApprovalRule(BaseModel):
    """What becomes of some tool calls; a tool's name alone is the rule to ask before each call of it.

    In patterns `*` stands for any characters and `?` for one.

    Attributes:
        tool: A pattern for the tool's name.
        arguments: Patterns for whole arguments by their names, e.g. `{"code": "*os.remove*"}`. A rule that asks or refuses
            fits a call with all of them. A rule that allows fits only a call that has no other arguments, and line by line,
            so that its `*` ends with the line. A pattern without a name is for any argument, in a rule that allows for the
            only one.
        then: `allow`, `ask` a person, or `refuse`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = "*"
    arguments: str | dict[str, str] = "*"
    then: Literal["allow", "ask", "refuse"] = "ask"

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"tool": given} if isinstance(given, str) else given


class _Section(BaseModel):
    """Settings that stand together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What is shown: no passwords of addresses."""
        return _shown(super().__repr_args__())


class ServerSettings(_Section):
    """What the bundled server does; `server:` in `genie.yaml`, `GENIE_SERVER__HEARTBEAT_S` and so on.

    Attributes:
        token: The bearer token of the native dialect; one is made where none is given, and kept beside `log`.
        heartbeat_s: Seconds of silence before a heartbeat in the native dialect and to JDGenie's page; no client takes a
            link for a living one that is silent for longer than 300.
        agent_heartbeat_s: The same for `/AutoAgent`.
        tool_heartbeat_s: The same for the tool service.
        deadline_s: Seconds that one connection may last; a run goes on without it.
        stall_s: Seconds that a reader may take nothing, or a sender send nothing of its request's body, before it is cut.
        head_s: Seconds that the head of a request may take.
        max_links: Streams at once.
        max_requests: Connections at once beside those of streams.
        max_runs: Runs at work at once.
        max_queue: Runs that may wait for their turn.
        max_body_mib: The largest request body.
        max_upload_mib: The largest uploaded file.
        max_stored_mib: How much the uploaded files may take in all, and as much those of the tool service.
        keep_files_s: Seconds that either are kept.
        max_sessions: Conversations that are remembered at once, each with its Python session.
        session_s: Seconds that a conversation is remembered after its last answer.
        keep_s: Seconds that an ended run is kept, in memory and in `log`.
        keep_runs: Ended runs that are kept at most.
        keep_log_mib: So much of a run's log is kept event by event, the head only in short.
        log: A SQLite file that logs outlive the process in; none keeps them in memory.
        orphan_s: Seconds without any listener after which a run is cancelled; never, where none is given.
        agent_url: Another server whose `/AutoAgent` answers JDGenie's page; without one this process does.
        origins: Pages that may call the server from a browser.
        hosts: Host names it answers to, beside its own address: those of a proxy before it.
        jdgenie: Whether JDGenie's dialects, which know no token, are served: `on`, `off`, `loopback` (and no `hosts`).
        private_addresses: Whether MCP servers and files may be fetched from private addresses.
        fetch_hosts: Host names that MCP servers and files may always be fetched from.
    """

    section: ClassVar[str] = "server"

    token: SecretStr | None = None
    heartbeat_s: float = Field(default=10.0, gt=0, le=300)
    agent_heartbeat_s: float = Field(default=10.0, gt=0)
    tool_heartbeat_s: float = Field(default=15.0, gt=0)
    deadline_s: float = Field(default=3600.0, gt=0)
    stall_s: float = Field(default=30.0, gt=0)
    head_s: float = Field(default=10.0, gt=0)
    max_links: int = Field(default=1000, ge=1)
    max_requests: int = Field(default=500, ge=1)
    max_runs: int = Field(default=16, ge=1)
    max_queue: int = Field(default=100, ge=0)
    max_body_mib: int = Field(default=4, ge=1)
    max_upload_mib: int = Field(default=200, ge=1)
    max_stored_mib: int = Field(default=10_240, ge=1)
    keep_files_s: float = Field(default=604_800.0, ge=600)
    max_sessions: int = Field(default=32, ge=1)
    session_s: float = Field(default=3600.0, gt=0)
    keep_s: float = Field(default=3600.0, ge=600)
    keep_runs: int = Field(default=200, ge=1)
    keep_log_mib: int = Field(default=64, ge=1)
    log: Path | None = None
    orphan_s: float | None = Field(default=None, gt=0)
    agent_url: str | None = None
    origins: Listed[str] = ("http://localhost:3000", "http://127.0.0.1:3000")
    hosts: Listed[str] = ()
    jdgenie: Literal["loopback", "on", "off"] = "loopback"
    private_addresses: bool = False
    fetch_hosts: Listed[str] = ()

    @field_validator("token")
    @classmethod
    def _a_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not token.get_secret_value().strip():
            raise ValueError("an empty token would let everybody in; give one, or none at all, and one is made")
        return token


class SearchSettings(_Section):
    """What deep search looks through; `search:` in `genie.yaml`, `GENIE_SEARCH__TAVILY_KEY` and so on.

    Attributes:
        folders: Folders whose files are searched, with all that is below them.
        engines: Which engines are asked; without any: the folders, else the packages, and each provider with a key.
        index_folder: Where indexes are kept; the platform's folder for caches where none is given.
        most_files: Of a folder, or of what is installed, so many files are read.
        most_mib: And so much of them.
        rounds: How often the model may ask for other queries at most, the first time counted.
        queries: Queries of one round.
        hits: What one engine may find for one query.
        pages: Web pages that are read in all.
        sources: Passages that the answer is written from.
        seconds: Seconds that searching and reading may take; the answer is written after them.
        tavily_key: The key of Tavily; the same for the others.
        tavily_url: Another address that answers like Tavily; the same for the others.
        searxng_url: A SearXNG server; it needs no key.
        private_addresses: Whether pages may be read from private addresses.
        fetch_hosts: Host names that pages may always be read from.
    """

    section: ClassVar[str] = "search"

    folders: Listed[Path] = ()
    engines: Listed[Literal["folders", "packages", "tavily", "serper", "brave", "bing", "searxng"]] = ()
    index_folder: Path | None = None
    most_files: int = Field(default=10_000, ge=1)
    most_mib: int = Field(default=128, ge=1)
    rounds: int = Field(default=2, ge=1, le=10)
    queries: int = Field(default=4, ge=1, le=20)
    hits: int = Field(default=5, ge=1, le=20)
    pages: int = Field(default=6, ge=0, le=50)
    sources: int = Field(default=8, ge=1, le=30)
    seconds: float = Field(default=120.0, gt=0)
    tavily_key: SecretStr | None = None
    tavily_url: str | None = None
    serper_key: SecretStr | None = None
    serper_url: str | None = None
    brave_key: SecretStr | None = None
    brave_url: str | None = None
    bing_key: SecretStr | None = None
    bing_url: str | None = None
    searxng_key: SecretStr | None = None
    searxng_url: str | None = None
    private_addresses: bool = False
    fetch_hosts: Listed[str] = ()


class Settings(_Section):
    """All settings of genie_nb.

    Attributes:
        model: The model's name; `offline` is the built-in analyst.
        base_url: Where an OpenAI-compatible server answers, usually ending in `/v1`.
        api_key: The key for it.
        context_tokens: How many tokens of conversation the model takes.
        agent: `plan_solve`, `react`, or `report`, which always ends with a report.
        max_steps: How many times a run may ask its model, in all.
        max_task_steps: How many times one task may ask its model.
        max_parallel: How many tasks of a plan run at once.
        deadline_s: Seconds that a run may take.
        code_timeout_s: Seconds that one cell of the code interpreter may take.
        tool_timeout_s: Seconds that one call of any other tool may take.
        memory_mib: MiB of address space that the code interpreter may take.
        runs_folder: Where each run gets a folder of its own.
        report_format: The form of a report where the question names none: `html`, `markdown` or `pptx`.
        report_name: Its file's name where the question names none.
        report_style: `page`, or `dashboard` for charts side by side.
        report_templates: A folder with a `report.html.j2` or a `report.css` that take the place of ours.
        slides_template: A presentation whose layouts slides are made with.
        slide_pictures: Whether slides are shown as pictures, where LibreOffice is installed.
        tool_url: A genie-tool service that runs code and writes reports instead of this process.
        mcp: MCP servers whose tools agents may call; see `McpEntry`.
        mcp_wait_s: Seconds that a run waits for servers that are not ready; their tools join it later.
        mcp_url: A genie-client service that reaches those of them that have an address.
        playbooks: A folder of procedures in Markdown; the planner is shown the one that fits a question.
        approval: Rules about calls that a person must allow; the first that fits a call counts.
        approval_timeout_s: Seconds without an answer after which such a call is refused.
        search: What deep search looks through.
        server: What the bundled server does.
    """

    model: str | None = None
    base_url: str | None = None
    api_key: SecretStr | None = None
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
    report_format: Literal["html", "markdown", "pptx"] = "html"
    report_name: str = "report"
    report_style: Literal["page", "dashboard"] = "page"
    report_templates: Path | None = None
    slides_template: Path | None = None
    slide_pictures: bool = True
    tool_url: str | None = None
    mcp: Listed[McpEntry] = ()
    mcp_wait_s: float = Field(3.0, ge=0)
    mcp_url: str | None = None
    playbooks: Path | None = None
    approval: Listed[ApprovalRule] = ()
    approval_timeout_s: float = Field(3600.0, gt=0)
    search: SearchSettings = SearchSettings()
    server: ServerSettings = ServerSettings()
    _folder: FolderSettings = PrivateAttr(default_factory=lambda: FolderSettings(Path(), {}))
    _withheld: tuple[str, ...] = PrivateAttr(default=())

    @property
    def folder(self) -> FolderSettings:
        """The folder's `genie.yaml`: what of it counts, and what does not."""
        return self._folder

    def remarks(self, language: Literal["en", "zh"] = "en") -> tuple[str, ...]:
        """What a person should know of these settings: which of the folder's do not count, which key is not sent."""
        withheld = (_WITHHELD[language].format(address=address) for address in self._withheld)
        return tuple(filter(None, (self._folder.remark(language), *withheld)))

    def with_server(self, **given: Any) -> "Settings":
        """The same settings, with these of the server on top.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
        """
        asked = {name: value for name, value in given.items() if value is not None}
        try:
            server = ServerSettings.model_validate(self.server.model_dump() | asked)
        except ValidationError as error:
            raise _told(error, "server.") from None
        return self.model_copy(update={"server": server})

    def with_run(self, **given: Any) -> "Settings":
        """The same settings, with these of one run on top.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
        """
        asked = {name: value for name, value in given.items() if value is not None}
        try:
            checked = type(self).model_validate(self.model_dump() | asked)
        except ValidationError as error:
            raise _told(error, "") from None
        return self.model_copy(update={name: getattr(checked, name) for name in asked})

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings in force, with the given ones on top; `None` stands for not given.

        Raises:
            SettingsError: A setting is unknown or has a wrong value, or `genie.yaml` cannot be read.
        """
        own = {name: value for name, value in given.items() if value is not None}
        folder = read_folder(Path.cwd(), cls.defaults())
        variables = read_variables(cls.model_fields, (SearchSettings.section, ServerSettings.section))
        environment, withheld = _keys_for_own_addresses(variables, own, folder.values)
        try:
            settings = cls.model_validate(_merged(folder.values, environment, own))
        except ValidationError as error:
            raise _told(error, "", environment=_without(environment, own)) from None
        settings._folder, settings._withheld = folder, withheld
        return settings

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every setting's default by name."""
        return {name: field.default for name, field in cls.model_fields.items()}


def _told(error: ValidationError, prefix: str, *, environment: Mapping[str, Any] | None = None) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    name = prefix + ".".join(str(part) for part in first["loc"])
    variable = variable_at(first["loc"], environment or {})
    origin = f" It comes from the variable {variable}." if variable else ""
    return SettingsError(f"The setting {name!r} is wrong: {first['msg'].lower().removeprefix('value error, ')}.{origin}")


def _without(environment: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What of the environment counts beside a person's own settings."""
    left = {name: value for name, value in environment.items() if name not in own or isinstance(own[name], Mapping)}
    for name, value in left.items():
        if name in own and isinstance(value, Mapping):
            left[name] = {setting: part for setting, part in value.items() if setting not in own[name]}
    return left


def _shown(fields: Iterable[tuple[str | None, Any]]) -> Iterator[tuple[str | None, Any]]:
    for name, value in fields:
        yield name, without_passwords(value) if isinstance(value, str) else value


def _merged(*places: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all places, the last one that says something counts; sections are merged name by name."""
    merged: dict[str, Any] = {}
    for place in places:
        for name, value in place.items():
            before = merged.get(name)
            both = isinstance(before, Mapping) and isinstance(value, Mapping)
            merged[name] = _merged(before or {}, value) if both else value
    return merged


def _keys_for_own_addresses(
    environment: dict[str, Any], own: Mapping[str, Any], file: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The environment's settings without keys that would go to an address which only the file names; and those addresses."""
    kept, withheld = dict(environment), []
    if "api_key" in kept and "base_url" in file and not ("base_url" in own or "base_url" in environment):
        del kept["api_key"]
        withheld.append(_host(file["base_url"]))
    if "mcp" in kept and "mcp_url" in file and not ("mcp_url" in own or "mcp_url" in environment):
        kept["mcp_url"] = None  # that service would get the headers of the environment's servers
        withheld.append(_host(file["mcp_url"]))
    given, ours, theirs = (_section(place, "search") for place in (own, environment, file))
    for name in SEARCH_ENGINES:
        key, url = f"{name}_key", f"{name}_url"
        if key in ours and url in theirs and url not in {*given, *ours}:
            kept["search"] = {setting: value for setting, value in kept["search"].items() if setting != key}
            withheld.append(_host(theirs[url]))
    return kept, tuple(withheld)


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}


def _host(url: Any) -> str:
    return str(url).partition("://")[2].partition("/")[0].rpartition("@")[2] or str(url)
