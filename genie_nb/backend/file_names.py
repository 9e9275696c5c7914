"""Names of files that come from elsewhere, made such that they lead nowhere, on any system.

Above: `inbox`, `server.uploads`. Below: `errors`.
"""

import re

from genie_nb.errors import RequestError

__all__ = ("safe_name",)

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
