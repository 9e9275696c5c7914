"""The server's token: given, made anew, or kept beside the file that keeps the runs.

Runs belong to whoever has the token that they were asked for with; a log that outlives the process needs one that does too.

Above: `host`. Below: `settings`.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import SettingsError

__all__ = ("token_of",)


def token_of(server: ServerSettings) -> str:
    """The token of a server with these settings.

    Raises:
        SettingsError: The file with the token cannot be used.
    """
    if server.token is not None:
        return server.token.get_secret_value()
    return secrets.token_urlsafe(24) if server.log is None else _kept(server.log.with_name(f"{server.log.name}.token"))


def _kept(path: Path) -> str:
    try:
        with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(secrets.token_urlsafe(24))
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds something else"
        raise SettingsError(f"The token in {path} cannot be had: {reason}. Remove the file, or give a token.") from error
    if not token:
        raise SettingsError(f"The file {path} holds no token. Remove it, or give a token.")
    return token
