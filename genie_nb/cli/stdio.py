"""`genie-nb mcp` over standard input and output. Standard output belongs to the protocol; words go to standard error.

Above: `cli`. Below: `network`.
"""

import contextlib
import os
import signal
import sys
from typing import NoReturn

from genie_nb.errors import GenieError

__all__ = ("be_stdio_server",)


def be_stdio_server(model: str | None) -> int:
    """Serve until the input ends or a signal comes; returns the exit code."""
    from genie_nb.backend.loop import backend_loop
    from genie_nb.network import serve_stdio

    def stop(number: int, _frame: object) -> NoReturn:
        # A thread may be reading the input, and nothing wakes it: end what was started, then this process.
        with contextlib.suppress(Exception):
            backend_loop().close()
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        serve_stdio(model=model)
    except GenieError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
