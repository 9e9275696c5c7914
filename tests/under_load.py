"""Runs a command beside busy processes, as on a machine that does other work: `python -m tests.under_load 20 COMMAND...`.

The load is arithmetic in so many processes; they end with the command, and with this process however it ends.
"""

import os
import subprocess
import sys
import time

__all__ = ("busy", "main")

_BUSY = """
import sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), __import__("os")._exit(0)), daemon=True).start()
number = 1
while True:
    number = number * 1103515245 + 12345 & 0xFFFFFFFF
"""


def busy(count: int) -> list["subprocess.Popen[bytes]"]:
    """So many processes that compute until their input is closed, which happens at the end of this process too."""
    return [subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.PIPE) for _ in range(count)]


def main() -> int:
    """Run the command that the command line names; its exit code."""
    count, command = int(sys.argv[1]), sys.argv[2:]
    load = busy(count)
    try:
        time.sleep(1)  # so that all are busy when the command begins
        sys.stderr.write(f"{count} busy processes; the machine's load is {os.getloadavg()[0]:.1f} and rises.\n")
        return subprocess.call(command)
    finally:
        for process in load:
            process.kill()
        for process in load:
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
