"""What every test gets: no settings from the machine, a backend loop, runs."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from genie_nb.backend.interpreter.base import CodeRunner
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.runs import Equipment, Run, RunRequest
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Tool, ToolBox
from genie_nb.backend.tools.code_interpreter import CodeInterpreter
from tests.fakes import FakeRunner

settings.register_profile("genie_nb", deadline=None)  # no test asks a clock
settings.load_profile("genie_nb")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a job in the background is started so, and hands it on
    signal.signal(signal.SIGINT, signal.default_int_handler)


HERE = Path(__file__).parent
FULL_TIER = ("browser", "chaos", "install", "mcp_peers", "notebooks/test_lessons.py")
"""What `make test` leaves to `make test-all`, beside single tests that are marked as slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(HERE).as_posix().startswith(FULL_TIER):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))  # where trusted folders are kept
    for name in os.environ:
        if name.startswith(("GENIE_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def backend() -> Iterator[BackendLoop]:
    loop = BackendLoop()
    yield loop
    loop.close()


@pytest.fixture
def make_run(backend: BackendLoop, tmp_path: Path) -> Callable[..., Run]:
    """Makes runs that are not started yet, with a model and tools of the test's own."""

    def make(
        model: ChatModel | Callable[[], ChatModel],
        *tools: Tool,
        query: str = "How many rows?",
        runner: CodeRunner | None = None,
        owned: bool = True,
        request: dict[str, Any] | None = None,
        **options: Any,
    ) -> Run:
        given = Settings.load(**{"agent": "react", "runs_folder": tmp_path / "runs", **options})
        code = CodeInterpreter(runner or FakeRunner(), cell_timeout_s=5.0)

        async def make_tools(_prepared: object, _model: ChatModel) -> ToolBox:
            return ToolBox((code, *tools))

        equipment = Equipment(model if callable(model) else lambda: model, make_tools, owned)
        return Run(RunRequest(query, given, **(request or {})), equipment, backend)

    return make
