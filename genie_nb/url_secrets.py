"""Passwords in addresses: they are taken out before an address is used, and never shown.

An HTTP library logs the address that it asks, so an address with a password in it must not reach one.

Above: every room that has an address. Nothing lies below this room.
"""

import base64
import re
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ("split_credentials", "without_passwords")

_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET = re.compile(r"(?i)(?<=[?&])((?:access_|auth_)?token|api_?key|key|password|secret|signature|sig)=[^&#\s'\"]+")


def without_passwords(text: str) -> str:
    """The text with `…` for whatever stands before an `@` in an address, and for values such as `?token=`."""
    if "://" not in text:
        return text
    return _SECRET.sub(r"\1=…", _USER.sub("…@", text))


def split_credentials(url: str) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the headers that carry them instead (HTTP's basic authentication).

    An address that cannot be taken apart is returned as it is: whoever uses it says what is wrong with it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, {}
    given, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    user, _, password = given.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
