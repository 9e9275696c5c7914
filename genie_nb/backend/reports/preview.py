"""Slides as one picture, where LibreOffice is installed; a deck of ours goes in, and nothing else.

LibreOffice works in a process group and a folder of its own, within a limit of time, and never on the run's folder.

Above: `tools/report`. Below: nothing.
"""

import asyncio
import io
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ("slides_picture",)

LIMIT_S = 60.0
MOST_SLIDES = 24
ACROSS, WIDTH, GAP = 3, 480, 10
GROUND = "#d9dee5"
_TURNS = asyncio.Semaphore(1)
"""One LibreOffice at a time: it takes a core and a quarter of a gigabyte."""


async def slides_picture(deck: bytes) -> bytes | None:
    """The first slides side by side as a PNG; None where there is no LibreOffice, or it fails or takes too long."""
    office, painter = shutil.which("soffice") or shutil.which("libreoffice"), shutil.which("pdftoppm")
    if office is None or painter is None:
        return None
    async with _TURNS:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="genie-slides-"))
        try:
            await asyncio.to_thread((folder / "deck.pptx").write_bytes, deck)
            async with asyncio.timeout(LIMIT_S):
                profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
                flags = ("--headless", "--norestore", "--convert-to", "pdf", "--outdir", ".", "deck.pptx")
                await _run(folder, office, profile, *flags)
                await _run(folder, painter, "-png", "-l", str(MOST_SLIDES), "-scale-to-x", str(WIDTH), "-scale-to-y", "-1",
                           "deck.pdf", "slide")  # fmt: skip
            return await asyncio.to_thread(_sheet, folder)
        except (TimeoutError, OSError):
            return None
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _run(folder: Path, *command: str) -> None:
    """Run a program to its end; whatever ends the waiting ends the program and all that it started."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=kept | {"HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _sheet(folder: Path) -> bytes | None:
    """The slides' pictures as one."""
    from PIL import Image as Bitmap

    slides = [Bitmap.open(path) for path in sorted(folder.glob("slide*.png"))]
    if not slides:
        return None
    width, height = slides[0].size
    rows, across = -(-len(slides) // ACROSS), min(ACROSS, len(slides))
    sheet = Bitmap.new("RGB", (across * (width + GAP) + GAP, rows * (height + GAP) + GAP), GROUND)
    for number, slide in enumerate(slides):
        sheet.paste(slide, (GAP + number % ACROSS * (width + GAP), GAP + number // ACROSS * (height + GAP)))
    file = io.BytesIO()
    sheet.quantize(128).save(file, "PNG", optimize=True)
    return file.getvalue()
