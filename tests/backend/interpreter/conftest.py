"""A backend loop on its own thread with one pool for a test file, and sessions that tests drive cell by cell."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import blockbuster
import psutil
import pytest

from genie_nb.backend.interpreter.base import CellFinished, Redrawn
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.parts import ErrorPart, Part, StreamPart
from genie_nb.shown import Shown
from tests.fakes import BOUND_S

T = TypeVar("T")


@dataclass
class Ran:
    """What a cell showed, as it stood at its end, and how it ended."""

    parts: list[Any] = field(default_factory=list)
    end: CellFinished | None = None
    redrawn: Shown = field(default_factory=Shown)
    redraws: int = 0

    def add(self, item: Any) -> None:
        self.redraws += isinstance(item, Redrawn)
        placed = item if isinstance(item, Redrawn) else Redrawn(item)
        self.redrawn.add(placed.part, display=placed.display, clears=placed.clears)
        self.parts.append(item)

    def text(self, stream: str = "stdout") -> str:
        return "".join(part.text for part in self.parts if isinstance(part, StreamPart) and part.stream == stream)

    def only(self, kind: type[T]) -> T:
        (part,) = (part for part in self.parts if isinstance(part, kind))
        return part

    @property
    def error(self) -> ErrorPart:
        return self.only(ErrorPart)


class Backend:
    """A loop on its own thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="backend", daemon=True)
        self.thread.start()
        self.pool = self.do(self._make_pool())

    async def _make_pool(self) -> KernelPool:
        return KernelPool(spare=1, memory_mib=512, file_mib=4)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(BOUND_S)

    def close(self) -> None:
        self.do(self.pool.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(BOUND_S)
        self.loop.close()


class Session:
    """An interpreter driven from the test's thread."""

    def __init__(self, backend: Backend, folder: Path, preamble: str = "") -> None:
        self.backend = backend
        self.folder = folder
        self.interpreter = Interpreter(backend.pool, folder=folder, preamble=preamble)

    def run(self, code: str, *, timeout_s: float = 30.0) -> Ran:
        return self.backend.do(self.cell(code, timeout_s=timeout_s))

    async def cell(self, code: str, *, timeout_s: float = 30.0, seen: Callable[[Part], None] = lambda _: None) -> Ran:
        ran = Ran()
        async for item in self.interpreter.run(code, timeout_s=timeout_s):
            assert ran.end is None, "something came after the end"
            if isinstance(item, CellFinished):
                ran.end = item
            else:
                ran.add(item)
                seen(item)
        assert ran.end is not None
        return ran


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with blockbuster.blockbuster_ctx("genie_nb"):
        started = Backend()
        yield started
        started.close()


@pytest.fixture
def open_session(backend: Backend, tmp_path: Path) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def open_one(preamble: str = "") -> Session:
        opened.append(Session(backend, tmp_path, preamble))
        return opened[-1]

    yield open_one
    for session in opened:
        backend.do(session.interpreter.close())


@pytest.fixture(scope="module")
def shared(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for tests that leave its kernel alive."""
    session = Session(backend, tmp_path_factory.mktemp("run"))
    yield session
    backend.do(session.interpreter.close())


@pytest.fixture
def assert_gone() -> Callable[[list[psutil.Process]], None]:
    def check(processes: list[psutil.Process]) -> None:
        def living() -> list[psutil.Process]:
            return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

        bell = threading.Event()
        for _ in range(100):
            try:
                if not living():
                    return
            except psutil.NoSuchProcess:
                continue
            bell.wait(0.05)
        raise AssertionError(f"still there: {living()}")

    return check
