"""The first lines of a child kernel: ties its life to its parent's, then becomes an IPython kernel; and how both end it.

Run as `python -c TEXT PARENT_PID ARGUMENTS...`. ipykernel can watch its parent too, but it leaves without the programs that
its cells started.
"""

import contextlib
import os
import runpy
import signal
import sys
import threading
import time

__all__ = ("MARK", "follow_parent", "kill_marked")

PARENT_POLL_S = 0.5
MARK = "GENIE_KERNEL"
"""The variable that every process of a kernel inherits, so that those which left its group can be found."""


def follow_parent(parent: int) -> None:
    """Kill every process of this kernel when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    kill_marked(os.environ[MARK])
    os.killpg(0, signal.SIGKILL)


def kill_marked(mark: str) -> None:
    """Kill the processes that carry the mark, but not this one."""
    import psutil  # type: ignore[import-untyped]  # ships no types; ipykernel needs it too

    found = True
    while found:  # one may have started another while they were looked through
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # gone since, or another user's
                if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                    process.kill()
                    found = True


if __name__ == "__main__":
    import psutil  # noqa: F401  # now, as cells may leave no memory to load it with when it is needed

    threading.Thread(target=follow_parent, args=(int(sys.argv.pop(1)),), name="follow-parent", daemon=True).start()
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
