"""A real Jupyter kernel without a browser: cells go in, what they send to the page comes out."""

import time
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

SECONDS = 50.0


class Cells:
    """A person's kernel."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: BlockingKernelClient = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def start(self, code: str) -> str:
        """Send a cell; returns its message id."""
        return self.client.execute(code)

    def message(self, until: float) -> dict[str, Any]:
        return self.client.get_iopub_msg(timeout=max(0.1, until - time.monotonic()))

    def until(self, kind: str, **content: Any) -> dict[str, Any]:
        """Wait for a message of this kind that has this content."""
        end = time.monotonic() + SECONDS
        while True:
            message = self.message(end)
            if message["msg_type"] == kind and all(message["content"].get(k) == v for k, v in content.items()):
                return message

    def finish(self, cell: str) -> list[dict[str, Any]]:
        """Wait for the end of a cell; returns what it showed."""
        shown, end = [], time.monotonic() + SECONDS
        while True:
            message = self.message(end)
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return shown
            if message["msg_type"] in ("display_data", "update_display_data", "execute_result", "stream", "error"):
                shown.append(message)

    def run(self, code: str) -> list[dict[str, Any]]:
        return self.finish(self.start(code))

    def value(self, code: str) -> str:
        """The text of a cell's value."""
        shown = self.run(code)
        results = [message for message in shown if message["msg_type"] == "execute_result"]
        assert results, shown
        return results[-1]["content"]["data"]["text/plain"]

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
