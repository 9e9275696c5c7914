"""Extras: libraries that only a part of genie_nb needs, and the sentence that names the extra where one is missing.

What an extra holds, and from which version on, stands in `pyproject.toml` alone; it is read from the installed package.

Above: every room that uses a library of an extra. Below: `errors`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata

from genie_nb.errors import GenieError, RequestError

__all__ = ("EXTRAS", "Extras", "hint_for_import", "missing_extra", "require_extra")

EXTRAS = {
    "server": "gn.serve, genie-nb serve",
    "mcp": "MCP servers as tools, genie-nb mcp",
    "reports": "Excel, PDF and PowerPoint files",
    "search": "the main text of web pages",
    "lab": "JupyterLab, genie-nb lab",
    "otel": "OpenTelemetry spans",
}
"""The extras that a person installs, and what each is for."""
_IMPORTS = {"openpyxl": "reports", "pypdf": "reports", "pptx": "reports", "trafilatura": "search"}
"""Modules that code of a model or a person imports, and the extra that brings each."""
_NOT_FOUND = re.compile(r"No module named '(\w+)|`Import (\w+)` failed|optional dependency '(\w+)'")


@dataclass(frozen=True)
class Extras:
    """What is installed of a package's extras.

    Args:
        requires: The requirements of an installed package, as its metadata lists them.
        version: The version of an installed package.
    """

    requires: Callable[[str], list[str] | None] = metadata.requires
    version: Callable[[str], str] = metadata.version

    def lacking(self, extra: str, only: Iterable[str] = ()) -> dict[str, str]:
        """The libraries of an extra that cannot be used, and why: `is missing`, `1.2 is too old`.

        Args:
            extra: Its name.
            only: The libraries that matter; all of the extra if none is named.
        """
        from packaging.requirements import Requirement

        wanted = set(only)
        lacking: dict[str, str] = {}
        for requirement in map(Requirement, self.requires("genie_nb") or ()):
            marker = requirement.marker
            belongs = marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})
            if not belongs or (wanted and requirement.name not in wanted):
                continue
            try:
                installed = self.version(requirement.name)
            except metadata.PackageNotFoundError:
                lacking[requirement.name] = "is missing"
                continue
            if not requirement.specifier.contains(installed, prereleases=True):
                lacking[requirement.name] = f"{installed} is too old"
        return lacking

    def missing(self, what: str, *extras: str, only: Iterable[str] = ()) -> str:
        """The sentence that says which extras to install; empty if nothing is missing."""
        lacking = {extra: found for extra in extras if (found := self.lacking(extra, only))}
        if not lacking:
            return ""
        named = " and ".join(f'"{extra}"' for extra in lacking)
        old = [f"{name} {why}" for found in lacking.values() for name, why in found.items() if why != "is missing"]
        because = f" ({', '.join(old)})" if old else ""
        words = "extras" if len(lacking) > 1 else "extra"
        return f'{what} needs the {words} {named}: pip install "genie_nb[{",".join(lacking)}]"{because}.'


_installed = Extras()
_complete: set[tuple[str, ...]] = set()


def missing_extra(what: str, *extras: str, only: Iterable[str] = ()) -> str:
    """The sentence that says which extras to install so that something works; empty if it does.

    Args:
        what: What needs them; the sentence begins with it.
        extras: The names of the extras.
        only: The libraries of them that matter here; all if none is named.
    """
    key = (*extras, *sorted(only))
    if key in _complete:
        return ""
    sentence = _installed.missing(what, *extras, only=only)
    if not sentence:
        _complete.add(key)
    return sentence


def require_extra(what: str, *extras: str, only: Iterable[str] = (), error: type[GenieError] = RequestError) -> None:
    """Make sure that libraries of extras are installed; see `missing_extra`.

    Raises:
        GenieError: One is missing; of the class `error`.
    """
    sentence = missing_extra(what, *extras, only=only)
    if sentence:
        raise error(sentence)


def hint_for_import(name: str, message: str) -> str:
    """What to install after an error of somebody's code that could not import a library; empty for any other error.

    Args:
        name: The class of the error.
        message: Its message.
    """
    found = _NOT_FOUND.search(message) if name in ("ImportError", "ModuleNotFoundError") else None
    module = next(filter(None, found.groups()), "") if found else ""
    extra = _IMPORTS.get(module)
    return f'{module} comes with the extra "{extra}": pip install "genie_nb[{extra}]".' if extra else ""
