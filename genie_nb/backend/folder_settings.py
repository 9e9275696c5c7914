"""What the `genie.yaml` of a folder may set: everything if the person trusts the folder, else only what can do no harm.

A file in a folder that somebody else made could otherwise have this person's key sent to an address of its own, or start
programs as "MCP servers". Trust is kept per folder and for exactly this content of the file: once it has changed, the person
is asked again.

Above: `settings`, `cli`. Below: `errors`.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from genie_nb.errors import SettingsError

__all__ = ("FILE", "FolderSettings", "distrust", "read_folder", "trust", "trusted_folders")

FILE = "genie.yaml"
MAX_BYTES = 2**20
"""A longer file is no list of settings."""
HARMLESS = frozenset({"agent", "report_format", "report_name", "report_style", "slide_pictures"})
"""Settings that count without trust, whatever their value."""
LIMITS = frozenset(
    {
        "approval_timeout_s",
        "code_timeout_s",
        "context_tokens",
        "deadline_s",
        "max_parallel",
        "max_steps",
        "max_task_steps",
        "mcp_wait_s",
        "memory_mib",
        "tool_timeout_s",
    }
)
"""Settings that count without trust up to their default: more of them would cost time, money or memory."""
_LEFT_OUT = {
    "en": (
        "The genie.yaml in this folder also sets {names}. That does not count, because you have not trusted the folder. "
        "If you know the file, run: genie-nb trust"
    ),
    "zh": (
        "此文件夹中的 genie.yaml 还设置了 {names}。您尚未信任该文件夹，所以这些设置没有生效。"
        "若您了解这个文件，请运行：genie-nb trust"
    ),
}


@dataclass(frozen=True)
class FolderSettings:
    """The settings of a folder's file.

    Attributes:
        path: The file.
        values: The settings that count, by name.
        ignored: The settings that would count if the folder were trusted, whole, by name.
        digest: SHA-256 of the file's content in hexadecimal; empty where there is no file.
    """

    path: Path
    values: dict[str, Any] = field(repr=False)
    ignored: dict[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the settings that would count if the folder were trusted."""
        return tuple(sorted(self.ignored))

    def remark(self, language: Literal["en", "zh"] = "en") -> str:
        """What was left out and how to trust the folder, in one sentence or two; empty where nothing was."""
        if not self.left_out:
            return ""
        joint = {"en": ", ", "zh": "、"}[language]
        return _LEFT_OUT[language].format(names=joint.join(self.left_out))


def read_folder(folder: Path, defaults: Mapping[str, Any], *, trusted: bool | None = None) -> FolderSettings:
    """The settings of the folder's `genie.yaml`; none where there is no such file.

    Args:
        folder: The folder.
        defaults: Every setting's default by name.
        trusted: Whether the folder is trusted; looked up where this is not given.

    Raises:
        SettingsError: The file cannot be read, or is no list of settings.
    """
    path = folder / FILE
    if not path.exists():
        return FolderSettings(path, {})
    content = _content(path)
    values, digest = _parsed(content), hashlib.sha256(content).hexdigest()
    if trusted or (trusted is None and trusted_folders().get(str(folder.resolve())) == digest):
        return FolderSettings(path, values, digest=digest)
    kept = {name: kept for name, value in values.items() if (kept := _harmless(name, value, defaults)) is not None}
    ignored = {name: value for name, value in values.items() if kept.get(name) not in (value, [value])}
    return FolderSettings(path, kept, ignored, digest)


def trust(settings: FolderSettings) -> None:
    """Let every setting of this file count from now on, until the file changes.

    Raises:
        SettingsError: It cannot be remembered.
    """
    _remember(trusted_folders() | {str(settings.path.parent.resolve()): settings.digest})


def distrust(folder: Path) -> None:
    """Trust the folder no more.

    Raises:
        SettingsError: It cannot be remembered.
    """
    _remember({known: digest for known, digest in trusted_folders().items() if known != str(folder.resolve())})


def trusted_folders() -> dict[str, str]:
    """The digest of the trusted `genie.yaml` by folder; none where nothing readable is kept."""
    try:
        kept = json.loads(_kept_in().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(folder): str(digest) for folder, digest in kept.items()} if isinstance(kept, dict) else {}


def _remember(folders: Mapping[str, str]) -> None:
    path = _kept_in()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_text(json.dumps(dict(folders), ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SettingsError(f"Trusted folders cannot be kept in {path}: {error.strerror or error}.") from error


def _kept_in() -> Path:
    import platformdirs

    return platformdirs.user_config_path("genie_nb") / "trusted_folders.json"


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise SettingsError(f"{path} is no file. Remove it, or work in another folder.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"The file {FILE} cannot be read: {error.strerror or error}.") from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"The file {FILE} has more than {MAX_BYTES // 2**20} MiB. Correct or remove it.")
    return content


def _parsed(content: bytes) -> dict[str, Any]:
    """The mapping in the file. What is wrong with it is not quoted, nor is the cause kept: the line may hold a key."""
    import yaml  # type: ignore[import-untyped]  # it ships no types

    place = ""
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place, values = (f" (line {mark.line + 1})" if mark else ""), "nothing readable"
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise SettingsError(
            f"The file {FILE} is no list of settings, one `name: value` a line{place}. Correct or remove it."
        )
    return values


def _harmless(name: str, value: Any, defaults: Mapping[str, Any]) -> Any:
    """The part of a setting that counts without trust; None for nothing of it."""
    if name in HARMLESS:
        return value
    if name in LIMITS and isinstance(value, int | float) and value <= defaults[name]:
        return value
    if name == "approval":  # a rule that asks or refuses only makes a run safer
        rules = value if isinstance(value, list) else [value]
        return [rule for rule in rules if _is_strict(rule)]
    return None


def _is_strict(rule: Any) -> bool:
    return isinstance(rule, str) or (isinstance(rule, dict) and rule.get("then", "ask") in ("ask", "refuse"))
