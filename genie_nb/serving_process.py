"""The process of a server: what `genie-nb serve` and `gn.serve(process=True)` have in common, and the latter's child.

The child is told what to do on standard input and answers on standard output; see `backend.server.process`.

Above: `cli`. Below: `network`.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from genie_nb.errors import SettingsError

__all__ = ("main", "serve_until", "told_of")

PR_SET_PDEATHSIG = 1


def serve_until(
    stop: threading.Event,
    given: Mapping[str, Any],
    started: Callable[[Any], None],
    *,
    signals: Sequence[signal.Signals] = (signal.SIGTERM,),
) -> None:
    """Serve in this process until somebody stops it, or it is asked to end.

    Args:
        stop: Ends it; the signals set it too.
        given: The arguments of `network.serve`.
        started: Is called with the server when it answers.
        signals: What asks it to end; afterwards they do again what they did before.

    Raises:
        SettingsError: As `network.serve` does.
    """
    from genie_nb.network import serve

    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        with serve(**given) as server:
            started(server)
            while not stop.wait(timeout=0.5):  # a signal is not heard in a wait without an end
                continue
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told_of(server: Any) -> dict[str, Any]:
    """What whoever started a server needs to know of it."""
    return {
        "url": server.url,
        "address": server.address,
        "token": server.token,
        "heartbeat_s": server.heartbeat_s,
        "open_paths": server.open_paths,
    }


class _Parent:
    """The process that started this one, at the other end of two pipes."""

    def __init__(self) -> None:
        """Take standard input and output for the parent alone; what is printed goes to standard error."""
        self._from, self._to = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it says, until it closes the pipe or is gone."""
        rest = b""
        while piece := os.read(self._from, 65536):
            *lines, rest = (rest + piece).split(b"\n")
            yield from map(json.loads, lines)

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell it something."""
        left = json.dumps(message).encode() + b"\n"
        while left:
            left = left[os.write(self._to, left) :]


def main() -> int:
    """Serve for the parent, as long as it lives and wants it; the exit code."""
    parent = _Parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = parent.lines()
    first = next(said, None)
    if first is None:
        return 1
    _die_with(int(first["parent"]))
    from genie_nb.backend.server.handed_over import unpacked

    stop = threading.Event()

    def started(server: Any) -> None:
        parent.say(told_of(server))
        threading.Thread(target=_obey, args=(parent, said, server.faults, stop), name="parent", daemon=True).start()

    try:
        serve_until(stop, unpacked(first["given"]), started)
    except SettingsError as error:
        parent.say({"error": str(error)})
        return 2
    return 0


def _obey(parent: _Parent, said: Iterator[dict[str, Any]], faults: Any, stop: threading.Event) -> None:
    try:
        for message in said:
            parent.say({"n": message["n"], "value": _done(faults, message)})
    except OSError:  # it is gone, and does not hear the answer
        pass
    finally:
        stop.set()


def _done(faults: Any, message: Mapping[str, Any]) -> Any:
    match message:
        case {"do": "set", "name": "delay_s" | "stall" | "freeze_model" as name, "value": value}:
            setattr(faults, name, value)
        case {"do": "cut"}:
            faults.cut()
        case {"do": "lift"}:
            faults.lift()
        case {"do": "waiting"}:
            return faults.waiting()
    return None


def _die_with(parent: int) -> None:
    """Let Linux end this process when its parent is gone, whatever it is at then; elsewhere the end of the pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
