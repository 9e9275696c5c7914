"""The page widget: a widget whose page speaks to the kernel while a cell is still running.

Above: `run_view`, `link_view`, `composer`. Below: nothing.
"""

import anywidget

__all__ = ("PageWidget",)


class PageWidget(anywidget.AnyWidget):
    """A widget whose messages go where the front end sends them: to a subshell, where it knows subshells."""

    def open(self) -> None:
        """Open the comm.

        ipykernel 7.4 would send a page's messages to the shell that spoke to the page last, mostly the main one. There they
        wait for a cell that blocks, and one that comes in the moment when an awaiting cell ends can give the next cell's end
        to the wrong parent: JupyterLab then shows that cell as running for ever.
        """
        super().open()
        if self.comm is not None:
            self.comm._reply_subshell_for = None

    def close(self) -> None:
        """Take the widget from every page and from the kernel, with the model of its layout, which nobody shares."""
        if self.comm is not None:
            self.layout.close()
        super().close()
