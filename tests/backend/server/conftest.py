"""Real servers and clients that are closed after each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.backend.server.serving import Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(model: Any, **options: Any) -> Server:
        settings = {"agent": "react", "runs_folder": tmp_path / "server", **options.pop("settings", {})}
        servers.append(gn.serve(model=model, settings=settings, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[[str], Any]]:
    genies: list[Any] = []

    def open_one(url: str) -> Any:
        genies.append(gn.connect(url))
        return genies[-1]

    yield open_one
    for genie in genies:
        genie.close()
