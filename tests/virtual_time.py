"""An event loop whose clock stands still while anything works, and goes on at once to the next time that is waited for.

So nothing that runs on it alone, without a network or another process, depends on how busy the machine is: a limit of time
passes only where everybody waits, and in no time. Worker threads count as work.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ("run_virtual",)

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Waits for what is at work; where nothing is, lets the time pass that it was to wait for."""

    at_work: Callable[[], bool]
    pass_s: Callable[[float], None]

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        found = super().select(None if self.at_work() else 0)
        if not found:
            self.pass_s(timeout)
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        selector = _Selector()
        selector.at_work, selector.pass_s = lambda: self._threads > 0, self._pass
        self._now_s, self._threads = 1_000.0, 0
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        def ended(_: object) -> None:
            self._threads -= 1

        self._threads += 1
        working = super().run_in_executor(executor, func, *args)
        working.add_done_callback(ended)
        return working


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on such a loop."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
