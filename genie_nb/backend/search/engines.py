"""What a search works with: the engines that the settings name or make possible, and the reader of pages.

Above: `tools/deep_search`. Below: the engines, `settings`.
"""

import asyncio

from genie_nb.backend.search.base import Engine, Page, ReadPage
from genie_nb.backend.search.corpus import Folders
from genie_nb.backend.search.installed import Installed
from genie_nb.backend.settings import SearchSettings
from genie_nb.errors import SettingsError

__all__ = ("Pages", "create_engines")

WEB = ("tavily", "serper", "brave", "bing", "searxng")


class Pages:
    """A reader of pages that is made for the first page: what it needs takes a tenth of a second to import."""

    def __init__(self, rules: SearchSettings) -> None:
        self._rules = rules
        self._reader: ReadPage | None = None

    async def read(self, url: str) -> Page:
        """The page at an address.

        Raises:
            ToolFailed: It must not or cannot be read; the message says why.
        """
        if self._reader is None:
            self._reader = await asyncio.to_thread(self._made)
        return await self._reader.read(url)

    def _made(self) -> ReadPage:
        from genie_nb.backend.search.pages import PageReader

        return PageReader(self._rules)


def create_engines(settings: SearchSettings) -> list[Engine]:
    """The engines, in order: the folders or, without any, what is installed; then the web, where there is a key.

    Raises:
        SettingsError: An engine is named that needs a setting which is not there.
    """
    names = settings.engines or _possible(settings)
    return [_engine(name, settings) for name in dict.fromkeys(names)]


def _possible(settings: SearchSettings) -> list[str]:
    local = "folders" if settings.folders else "packages"
    return [local, *(name for name in WEB if _has_what_it_needs(name, settings))]


def _has_what_it_needs(name: str, settings: SearchSettings) -> bool:
    return bool(settings.searxng_url if name == "searxng" else getattr(settings, f"{name}_key"))


def _engine(name: str, settings: SearchSettings) -> Engine:
    limits = {"index_folder": settings.index_folder, "most_files": settings.most_files, "most_mib": settings.most_mib}
    if name == "packages":
        return Installed(**limits)  # type: ignore[arg-type]
    if name == "folders":
        if not settings.folders:
            raise SettingsError('The engine "folders" has no folders. Set search.folders, e.g. folders=["notes"].')
        return Folders(settings.folders, **limits)  # type: ignore[arg-type]
    if not _has_what_it_needs(name, settings):
        missing = "search.searxng_url" if name == "searxng" else f"search.{name}_key"
        raise SettingsError(f"The engine {name!r} needs the setting {missing}.")
    from genie_nb.backend.search.web import WebEngine  # only where the web is searched: it loads httpx

    key = getattr(settings, f"{name}_key", None)
    return WebEngine(name, key=key.get_secret_value() if key else "", url=getattr(settings, f"{name}_url", None) or "")
