"""A CSV of 2 GB: profiled from its head, counted and copied past our memory, and never told to a model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genie_nb.backend import workspace
from genie_nb.backend.preparing import prepare
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError
from tests.fakes import run

GIGABYTES, ROWS_A_BLOCK, NEEDED = 2, 20_000, 6 * 2**30
CODE = "import os; print(sum(os.path.getsize(name) for name in os.listdir()))"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("large")
    if shutil.disk_usage(folder).free < NEEDED:
        pytest.skip(f"needs {NEEDED / 2**30:.0f} GiB of disk for a file of {GIGABYTES} GB and its copy")
    block = "".join(f"{n},地区{n % 9},{n * 1.37:.2f},2026-01-{n % 28 + 1:02}\n" for n in range(ROWS_A_BLOCK)).encode()
    path, blocks = folder / "large.csv", -(-GIGABYTES * 10**9 // len(block))
    with path.open("wb") as file:
        file.write(b"id,region,sales,day\n")
        for _ in range(blocks):
            file.write(block)
    yield path, blocks * ROWS_A_BLOCK
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_question_about_2_gb_costs_no_memory_and_the_model_gets_a_profile(
    large: tuple[Path, int], capsys: pytest.CaptureFixture[str]
) -> None:
    path, rows = large
    before = path.stat()
    command = [sys.executable, "-m", "tests.backend.ask_about", str(path), str(path.parent / "runs")]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        print(f"\n2 GB: {told}")
    assert told["about"] == f"CSV, {rows:,} rows × 4 columns, UTF-8"
    assert told["status"] == "finished"
    assert str(before.st_size) in told["printed"]
    assert told["grown"] < 64 * 2**20
    assert told["told"] < 10_000
    assert told["ticks"] > 20
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_system_that_cannot_copy_by_itself_is_helped_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bin").write_bytes(os.urandom(10_000))
    monkeypatch.setattr(workspace, "PIECE_BYTES", 999)
    monkeypatch.delattr(os, "copy_file_range", raising=False)

    space = Workspace.create(tmp_path / "run")
    space.bring({"a.bin": tmp_path / "a.bin"})

    assert space.read("a.bin") == (tmp_path / "a.bin").read_bytes()


def test_disks_that_cannot_copy_to_one_another_are_helped_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    (tmp_path / "a.bin").write_bytes(b"x" * 10_000)
    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)

    space = Workspace.create(tmp_path / "run")
    space.bring({"a.bin": tmp_path / "a.bin"})

    assert space.read("a.bin") == b"x" * 10_000


def test_a_disk_that_fails_in_the_middle_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    (tmp_path / "a.bin").write_bytes(b"x")
    monkeypatch.setattr(os, "copy_file_range", fail, raising=False)

    with pytest.raises(RequestError, match="Input/output error"):
        run(prepare([tmp_path / "a.bin"], {}, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_copy_that_nobody_waits_for_any_more_is_left_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 10_000)
    monkeypatch.setattr(workspace, "COPY_BYTES", 1_000)
    monkeypatch.setattr(workspace, "PIECE_BYTES", 1_000)
    waiting = iter([True, True, False])

    space = Workspace.create(tmp_path / "run")
    with pytest.raises(RequestError):
        space.bring({"a.bin": tmp_path / "a.bin"}, lambda: next(waiting))
    assert list(space.folder.iterdir()) == []
