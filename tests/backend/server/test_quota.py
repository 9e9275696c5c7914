"""What clients may fill on the disk: so much in all, and only for so long."""

import errno
import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from starlette.datastructures import UploadFile

from genie_nb.backend.server.file_shelf import FileShelf
from genie_nb.backend.server.quota import Quota
from genie_nb.backend.server.uploads import save_upload
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import AdmissionRefused
from tests.fakes import run

TIGHT = ServerSettings(max_stored_mib=1, keep_files_s=600)
HALF = b"x" * (600 * 1024)


def age(folder: Path, seconds: float) -> None:
    """Make everything in a folder so much older."""
    for parent, _, names in os.walk(folder, topdown=False):
        for path in (*(Path(parent, name) for name in names), Path(parent)):
            os.utime(path, (time.time() - seconds,) * 2)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def upload(folder: Path, name: str) -> Path:
    saving = save_upload(folder / f"id-{name}", UploadFile(BytesIO(HALF), filename=name), Quota(folder, TIGHT))
    return run(saving)


def test_an_upload_beyond_what_all_may_take_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    upload(tmp_path, "one")
    with pytest.raises(AdmissionRefused, match="all 1 MiB") as caught:
        upload(tmp_path, "two")
    assert caught.value.status == 507
    assert files_in(tmp_path) == ["one"]
    assert [path.name for path in tmp_path.iterdir()] == ["id-one"]


def test_old_uploads_make_room_with_their_folders(tmp_path: Path) -> None:
    upload(tmp_path, "one")
    age(tmp_path, 700)
    upload(tmp_path, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["id-two"]


def test_the_shelf_takes_no_more_than_it_may_and_keeps_what_it_has(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path, TIGHT)
    shelf.put("r", "one", HALF)
    for name in ("two", "one"):
        with pytest.raises(AdmissionRefused):
            shelf.put("r", name, BytesIO(HALF))
    assert [(file.name, file.size) for file in shelf.listed("r")] == [("one", len(HALF))]
    assert len(files_in(tmp_path)) == 2


def test_what_is_old_leaves_the_shelf_whole(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path, TIGHT)
    shelf.put("r", "one", HALF)
    age(tmp_path, 700)
    shelf.put("s", "two", HALF)
    assert shelf.find("r", "one") is None
    assert len(files_in(tmp_path)) == 2
    age(tmp_path, 700)
    Quota(tmp_path, TIGHT).check()
    age(tmp_path, 700)
    Quota(tmp_path, TIGHT).check()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_about_to_be_used_again_is_not_removed_as_an_old_one(tmp_path: Path) -> None:
    used = tmp_path / "request" / "file"
    used.mkdir(parents=True)
    age(tmp_path, 700)
    quota = Quota(tmp_path, TIGHT)
    quota.make_folder(used)
    quota.check()
    assert used.is_dir()


def test_a_full_disk_is_no_quota(tmp_path: Path) -> None:
    class Full(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        FileShelf(tmp_path, TIGHT).put("r", "one", Full())
    assert files_in(tmp_path) == []
