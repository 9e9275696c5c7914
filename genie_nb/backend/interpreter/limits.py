"""What a child kernel may use: its environment, its resource limits, and how every process of it is ended.

This is process isolation, not a sandbox: the child runs as the same user and can read that user's files.

Above: `kernel`. Below: nothing.
"""

import contextlib
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from genie_nb.backend.interpreter.launch import kill_marked

__all__ = ("Limits", "child_environment", "interrupt_group", "is_alive", "kill_group", "kill_tree", "limit_process")

_ALLOWED = frozenset({"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"}) | {
    "MPL_IGNORE_SYSTEM_FONTS"
}
_MIB = 1024 * 1024
_TREE_S = 3.0


@dataclass(frozen=True)
class Limits:
    """What a kernel may use.

    Attributes:
        memory_mib: Mebibytes of address space that cells may take beyond what a warm kernel holds.
        file_mib: Mebibytes that one file may grow to.
    """

    memory_mib: int = 2048
    file_mib: int = 1024


def child_environment(home: Path) -> dict[str, str]:
    """The variables a kernel starts with: an allow-list, and folders of its own for the tools that keep settings."""
    allowed = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    return allowed | {
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_DATA_DIR": str(home / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
        # The list of fonts takes a while to make, so the kernels of one pool share it.
        "MPLCONFIGDIR": str(home.parent / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # A thread pool per BLAS call reserves address space for every core, which RLIMIT_AS counts.
        "OPENBLAS_NUM_THREADS": "1",
    }


def limit_process(pid: int, limits: Limits) -> None:
    """Put the limits on a running process; memory only where the system can (Linux).

    Raises:
        ProcessLookupError: The process is gone.
    """
    if not hasattr(resource, "prlimit"):
        return
    import psutil  # type: ignore[import-untyped]  # ships no types

    try:
        held = psutil.Process(pid).memory_info().vms
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(pid) from error
    for kind, wanted in (
        (resource.RLIMIT_AS, held + limits.memory_mib * _MIB),
        (resource.RLIMIT_FSIZE, limits.file_mib * _MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.prlimit(pid, kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.prlimit(pid, kind, (limit, limit))


def interrupt_group(pid: int) -> None:
    """Press Ctrl-C for a kernel and the programs it runs."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGINT)


def kill_tree(supervisor: int) -> None:
    """End every process below a supervisor that cannot do so, and then it: even a stopped one is their ancestor."""
    import psutil

    give_up = time.monotonic() + _TREE_S
    with contextlib.suppress(psutil.Error):  # it has ended
        process = psutil.Process(supervisor)
        while time.monotonic() < give_up and (found := [child for child in process.children(True) if is_alive(child.pid)]):
            for child in found:
                with contextlib.suppress(psutil.Error):
                    child.kill()
            time.sleep(0.005)
        process.kill()


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended; reads the disk's `/proc`."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def kill_group(pid: int | None, mark: str) -> None:
    """End a kernel's process group at once, and what left the group and carries its mark, dead as the kernel may be."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    kill_marked(mark)
