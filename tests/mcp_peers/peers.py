"""Where the npm peers are, and why they cannot be used where they are not: `make mcp-peers` installs them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ("CONFORMANCE", "EVERYTHING", "NODE", "missing", "serving_everything")

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
CONFORMANCE = str(MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js")
EVERYTHING = str(MODULES / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js")
OLDEST_NODE = 22


def _node() -> str:
    """The Node that is pinned beside the peers, or the machine's own where there is none for it."""
    pinned = sorted(MODULES.glob("node-*/bin/node"))
    return str(pinned[0]) if pinned else shutil.which("node") or ""


NODE = _node()


def missing() -> str:
    """Why the peers cannot be used; empty if they can."""
    if not Path(CONFORMANCE).exists() or not Path(EVERYTHING).exists():
        return "npm's MCP peers are not installed: make mcp-peers"
    if not NODE:
        return "there is no Node for npm's MCP peers: make mcp-peers"
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False, timeout=300).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    if major.isdigit() and int(major) >= OLDEST_NODE:
        return ""
    return f"npm's MCP peers need Node {OLDEST_NODE}, and here is {said.strip() or 'none that works'}: make mcp-peers"


@contextmanager
def serving_everything(transport: str, port: int) -> Iterator[None]:
    """`server-everything` over HTTP on a port, until left."""
    process = subprocess.Popen(
        [NODE, EVERYTHING, transport],
        env={"PORT": str(port), "PATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:  # ends with the process, if it cannot listen
            if "port" in line:
                break
        yield
    finally:
        process.kill()
        process.wait(timeout=120)
        process.stderr.close()
