"""What an older ipykernel cannot do: said once, as a note in the cell, and never an error.

Since 7.4 a click in a run's view reaches a cell that waits for the run; before, it may wait for the end of that cell.

Above: `session`. Below: nothing.
"""

from importlib.metadata import version
from typing import Literal

from IPython.display import display

__all__ = ("KernelNote", "kernel_note")

HEARS_CLICKS_SINCE = (7, 4)
NOTES = {
    "en": "With ipykernel {version}, a click in the view of a run, such as Stop, may be heard only after the cell that "
    "waits for the run has ended. To stop it at once, interrupt the kernel. ipykernel 7.4 and later hear clicks at once.",
    "zh": "使用 ipykernel {version} 时，运行视图中的点击（例如“停止”）可能要等到等待该运行的单元格结束后才会处理。"
    "要立即停止，请中断内核。ipykernel 7.4 及更新版本会立即处理点击。",
}


class KernelNote:
    """Says in the running cell what this kernel lacks, once.

    Args:
        installed: The version of ipykernel.
    """

    def __init__(self, installed: str) -> None:
        self._version = installed
        major, minor = [*installed.split("."), "0"][:2]
        self._due = major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) < HEARS_CLICKS_SINCE

    def say(self, language: Literal["en", "zh"]) -> None:
        """Say it, if there is something to say that was not said yet."""
        if not self._due:
            return
        self._due = False
        note = NOTES[language].format(version=self._version)
        display({"text/plain": note, "text/markdown": f"*{note}*"}, raw=True)  # type: ignore[no-untyped-call]


kernel_note = KernelNote(version("ipykernel"))
"""That of this process."""
