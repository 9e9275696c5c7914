"""The first lines of a child kernel: ties its life to its parent's, then becomes an IPython kernel.

Run as `python -c TEXT PARENT_PID ARGUMENTS...`. ipykernel can watch its parent too, but it leaves without the programs that
its cells started.
"""

import os
import runpy
import signal
import sys
import threading
import time

__all__ = ("follow_parent",)

PARENT_POLL_S = 0.5


def follow_parent(parent: int) -> None:
    """Kill the own process group when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=follow_parent, args=(int(sys.argv.pop(1)),), name="follow-parent", daemon=True).start()
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
