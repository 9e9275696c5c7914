"""genie_nb: streaming multi-agent work, live in a notebook.

    import genie_nb as gn

    run = gn.ask("Which region grew fastest? Draw it.", files=["sales.csv"])
    await run
    run.answer

Names are loaded when they are first used, so importing the package costs next to nothing.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genie_nb.backend.models.scripted import Say, ScriptedModel
    from genie_nb.backend.recording import record, replay
    from genie_nb.backend.settings import Settings
    from genie_nb.backend.tools.functions import tool
    from genie_nb.chat import Chat, ask_box, chats
    from genie_nb.errors import GenieError
    from genie_nb.network import connect, serve, watch
    from genie_nb.session import Genie, Run, ask, search

__all__ = (
    "Chat",
    "Genie",
    "GenieError",
    "Run",
    "Say",
    "ScriptedModel",
    "Settings",
    "ask",
    "ask_box",
    "chats",
    "connect",
    "record",
    "replay",
    "search",
    "serve",
    "tool",
    "watch",
)
__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # tracebacks go to who asks for them, not into a cell

_HOMES = {
    "Chat": "genie_nb.chat",
    "Genie": "genie_nb.session",
    "GenieError": "genie_nb.errors",
    "Run": "genie_nb.session",
    "Say": "genie_nb.backend.models.scripted",
    "ScriptedModel": "genie_nb.backend.models.scripted",
    "Settings": "genie_nb.backend.settings",
    "ask": "genie_nb.session",
    "ask_box": "genie_nb.chat",
    "chats": "genie_nb.chat",
    "connect": "genie_nb.network",
    "record": "genie_nb.backend.recording",
    "replay": "genie_nb.backend.recording",
    "search": "genie_nb.session",
    "serve": "genie_nb.network",
    "tool": "genie_nb.backend.tools.functions",
    "watch": "genie_nb.network",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"genie_nb has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext genie_nb` does: `%genie` and `%%genie`."""
    import_module("genie_nb.magics").load_ipython_extension(shell)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
