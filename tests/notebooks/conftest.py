"""A person's kernel for each test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.notebooks.kernel_cells import Cells


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    manager = KernelManager(transport="ipc", ip=str(tmp_path / "k"))
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(tmp_path))
    kernel = Cells(manager)
    try:
        kernel.run(
            "import genie_nb as gn\n"
            "def genie(script, **options):\n"
            "    return gn.Genie(model=gn.ScriptedModel(script), **{'agent': 'react', **options})\n"
        )
        yield kernel
    finally:
        kernel.close()
