"""Names of files that come from elsewhere: made such that they lead nowhere, on any system, and understood.

Above: `inbox`, `tools`, `server`. Below: `errors`.
"""

import re
import unicodedata
from collections.abc import Iterable

from genie_nb.errors import RequestError

__all__ = ("closest_name", "safe_name")

_BAD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def safe_name(name: str) -> str:
    """A file's name without anything that leads elsewhere, on any system.

    Raises:
        RequestError: Nothing is left of it.
    """
    cleaned = _BAD.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1])
    cleaned = cleaned.encode("utf-8", "replace")[-200:].decode("utf-8", "ignore").strip(". ")
    if not cleaned:
        raise RequestError(f"{name[:80]!r} is no name for a file.")
    return f"_{cleaned}" if _RESERVED.match(cleaned) else cleaned


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """The one of these names that is meant by another one, as models write it.

    It has the same last part, or else the same without its ending; case does not count. None where no name or several do.
    """
    there = list(names)
    for part in (_last, _stem):
        wanted = part(name)
        alike = [other for other in there if wanted and part(other) == wanted]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def _last(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1].strip()).casefold()


def _stem(name: str) -> str:
    return re.sub(r"(?<=.)\.[^.]*$", "", _last(name))
