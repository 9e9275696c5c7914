"""The first lines of a child kernel: a supervisor, and as its child the IPython kernel itself.

The supervisor owns every process that the kernel starts. It ends all of them when it is told to (SIGTERM), when its parent
is gone, or when the kernel has ended, and then ends like the kernel. A cell cannot prevent this by holding the interpreter
lock, by stopping its own process, or by starting programs in a session of their own or with an empty environment: on Linux
the supervisor is their "child subreaper", so it stays an ancestor of all of them, and the kernel is killed with it.

Run as `python -c TEXT PARENT_PID MARK PID_FILE ARGUMENTS...`, with ARGUMENTS for the kernel.
"""

import contextlib
import ctypes
import os
import resource
import runpy
import select
import signal
import sys
import time
from pathlib import Path

__all__ = ("MARK", "kill_marked")

MARK = "GENIE_KERNEL"
"""The variable that every process of a kernel inherits: they are found by it where there are no subreapers."""
PARENT_POLL_S = 0.5
END_S = 3.0
"""Seconds that ending every process may take."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # from <linux/prctl.h>
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP)


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


def process_control(option: int, value: int) -> None:
    """Call Linux's `prctl`; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def supervise(kernel: int, parent: int, mark: str) -> None:
    """Wait for the end of the kernel, for the order to end it, or for the end of the parent; then end everything."""
    import psutil  # noqa: F401  # loaded here, so that nothing has to be loaded when it is to end

    process_control(_PR_SET_PDEATHSIG, signal.SIGHUP)
    received, ended = watch_signals(), dict[int, int]()
    while kernel not in ended and os.getppid() == parent:
        if select.select([received], [], [], PARENT_POLL_S)[0] and signal.SIGTERM in os.read(received, 1_000):
            break
        reap(ended)
    end_descendants(ended)
    if sys.platform != "linux":
        kill_marked(mark)
    end_like(ended.get(kernel, 0))


def watch_signals() -> int:
    """Have the numbers of signals written into a pipe, those that came meanwhile too; its end to read from.

    `signal.sigtimedwait` would do, but macOS has none.
    """
    received, sent = os.pipe()
    os.set_blocking(sent, False)
    signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    for number in _WATCHED:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    return received


def reap(ended: dict[int, int]) -> None:
    """Note the wait status of each child that has ended, by its id."""
    with contextlib.suppress(ChildProcessError):  # there is none left
        while (child := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            ended[child[0]] = child[1]


def end_descendants(ended: dict[int, int]) -> None:
    """Kill every process below this one, until there is none."""
    import psutil

    give_up = time.monotonic() + END_S
    while (found := psutil.Process().children(recursive=True)) and time.monotonic() < give_up:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        reap(ended)
        time.sleep(0.005)
    reap(ended)


def end_like(status: int) -> None:
    """End this process in the way that a wait status tells of another one."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def main() -> None:
    """Become the supervisor, and in its child the kernel."""
    parent, mark, pid_file = int(sys.argv.pop(1)), sys.argv.pop(1), Path(sys.argv.pop(1))
    process_control(_PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    supervisor = os.getpid()
    kernel = os.fork()
    if kernel:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervise(kernel, parent, mark)
        return
    process_control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    os.environ[MARK] = mark
    pid_file.write_text(str(os.getpid()), encoding="ascii")
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
