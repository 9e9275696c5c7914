"""What the conformance suite asks as the server under test: our own, with the suite's tools beside ours.

The suite's scenarios call tools by fixed names. These do nothing but say, over our own road to a client, what the suite
wants said: progress, log, contents, an error. Prints its address, serves until its input ends.
"""

import sys
import tempfile
from typing import Any

import mcp.types as mt
from pydantic import BaseModel

import genie_nb as gn
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.server import offer
from genie_nb.backend.server.offer_telling import Teller, told_cell
from genie_nb.errors import RequestError
from genie_nb.parts import ImagePart, Part, StreamPart

PNG = b"\x89PNG\r\n\x1a\n"


class NoArguments(BaseModel):
    """Whatever the suite wants."""


def showing(*parts: Part) -> Any:
    async def work(_asked: NoArguments, _ctx: Any) -> mt.CallToolResult:
        return mt.CallToolResult(content=told_cell(parts, CellFinished("ok")))

    return work


async def progress(_asked: NoArguments, ctx: Any) -> mt.CallToolResult:
    teller = Teller(ctx)
    for number in range(3):
        await teller.progress(f"part {number}")
    return mt.CallToolResult(content=[])


async def logging(_asked: NoArguments, ctx: Any) -> mt.CallToolResult:
    teller = Teller(ctx)
    for number in range(3):
        await teller.log(f"part {number}")
    return mt.CallToolResult(content=[])


async def fail(_asked: NoArguments, _ctx: Any) -> mt.CallToolResult:
    raise RequestError("This tool fails on purpose.")


TOOLS = {
    "test_simple_text": showing(StreamPart(text="This is a simple text.")),
    "test_image_content": showing(ImagePart(content=PNG)),
    "test_tool_with_progress": progress,
    "test_tool_with_logging": logging,
    "test_error_handling": fail,
}


class SuitesOffer(offer.Offer):
    def __init__(self, host: Any) -> None:
        super().__init__(host)
        self._tools |= {name: (NoArguments, work) for name, work in TOOLS.items()}


if __name__ == "__main__":
    offer.Offer = SuitesOffer  # type: ignore[misc]
    with (
        tempfile.TemporaryDirectory() as folder,
        gn.serve(model="offline", services=("offer",), settings={"runs_folder": folder}) as server,
    ):
        print(server.url.replace("/?", "/mcp?"), flush=True)
        sys.stdin.read()
