"""What a server is to serve with, on its way into a process of its own.

Both ends are ours and of one version, so models and tools travel as pickles: what they are made of is imported there. What
was written in a cell lives in the notebook's process alone, and is refused by name.

Above: `process`, `serving_process`. Below: `tools.functions`.
"""

import base64
import importlib
import io
import pickle
from collections.abc import Callable, Mapping
from functools import reduce
from types import FunctionType
from typing import Any

from genie_nb.backend.tools.functions import FunctionTool, tool
from genie_nb.errors import SettingsError

__all__ = ("packed", "unpacked")

CURE = "Put it into a module, a .py file that is imported, or serve without process=True."


def packed(given: Mapping[str, Any]) -> dict[str, str]:
    """The values by name, each as text.

    Raises:
        SettingsError: One cannot be handed over to another process.
    """
    return {name: base64.b64encode(_pickled(name, value)).decode() for name, value in given.items()}


def unpacked(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values again.

    Raises:
        SettingsError: One cannot be made in this process.
    """
    return {name: _restored(name, base64.b64decode(text)) for name, text in texts.items()}


def _pickled(name: str, value: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        _Packer(buffer).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(
            f"What is given as {name!r} cannot be handed over to a server in a process of its own: {reason}. "
            "Name a model by its name and settings, or serve without process=True."
        ) from error
    return buffer.getvalue()


def _restored(name: str, pickled: bytes) -> Any:
    try:
        return pickle.loads(pickled)
    except (pickle.UnpicklingError, ImportError, AttributeError, TypeError, ValueError, EOFError) as error:
        raise SettingsError(
            f"What is given as {name!r} cannot be made in the server's process: {type(error).__name__}: {error}. {CURE}"
        ) from error


class _Packer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """How tools travel, and what cannot."""
        if isinstance(value, FunctionTool):
            return self._of_tool(value)
        if isinstance(value, FunctionType | type) and (value.__module__ == "__main__" or "<" in value.__qualname__):
            raise SettingsError(
                f"{value.__qualname__!r} was written here, and a server in a process of its own cannot have it. {CURE}"
            )
        return NotImplemented

    def _of_tool(self, value: FunctionTool) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """As what `@tool` left under the function's name; else as the function, to be made a tool again."""
        module, name = getattr(value.function, "__module__", ""), getattr(value.function, "__qualname__", "")
        if module != "__main__":
            try:
                if _named(module, name) is value:
                    return _named, (module, name)
            except (ImportError, AttributeError, ValueError):
                pass
        return _made_again, (value.function, value.spec.name, value.timeout_s, value.spec.asks)


def _named(module: str, name: str) -> Any:
    return reduce(getattr, name.split("."), importlib.import_module(module))


def _made_again(function: Callable[..., Any], name: str, timeout_s: float, asks: object) -> FunctionTool:
    return tool(name=name, timeout_s=timeout_s, asks=bool(asks))(function)
