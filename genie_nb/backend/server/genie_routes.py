"""JDGenie's agent backend: its page's endpoint, `/AutoAgent`, and the little around them.

The page's endpoint works in this process, or passes on what another server's `/AutoAgent` streams (`gateway`).

Above: `app`. Below: `host`, `gateway`, `wire.genie_web`, `wire.genie_agent`.
"""

import mimetypes
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from genie_nb.backend.server.downloads import file_answer
from genie_nb.backend.server.gateway import Gateway
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.server.unasked import NOBODY_IN_JDGENIE
from genie_nb.backend.wire.genie_agent import AgentCoat
from genie_nb.backend.wire.genie_calls import FileUrl, FileUrls
from genie_nb.backend.wire.genie_requests import decode_agent_request, decode_query_request
from genie_nb.backend.wire.genie_web import WebCoat
from genie_nb.errors import RequestError
from genie_nb.parts import FileRef

__all__ = ("GenieRoutes",)

STYLES = {
    "html": "Write the result as an HTML page.",
    "docs": "Write the result as a Markdown document.",
    "table": "Write the result as a table in a CSV file.",
    "ppt": "Write the result as slides.",
}
INLINE = ("text/", "image/", "application/json", "application/pdf")
"""Types that are shown in place; all others are saved."""
CLOSED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
"""What a file that is shown in place may do: look like something, and nothing else."""
NO_CHAT_QUERY = 'data:{"eventType":"ERROR","data":"genie_nb has no data models. Ask about files instead."}\n\n' + (
    'data:{"eventType":"READY","data":""}\n\n'
)


class GenieRoutes:
    """The routes over one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        agent_url = host.settings.server.agent_url
        self._gateway = Gateway(agent_url, host) if agent_url else None
        self.router = APIRouter(tags=["JDGenie"])
        for path, answer, methods in (
            ("/web/api/v1/gpt/queryAgentStreamIncr", self.query, ["POST", "GET"]),
            ("/AutoAgent", self.auto_agent, ["POST"]),
            ("/web/health", self.health, ["GET", "POST"]),
            ("/data/allModels", self.no_models, ["GET"]),
            ("/data/previewData", self.no_models, ["GET"]),
            ("/data/chatQuery", self.no_chat_query, ["POST"]),
            ("/web/files/{run_id}/preview/{name:path}", self.preview, ["GET"]),
            ("/web/files/{run_id}/download/{name:path}", self.download, ["GET"]),
        ):
            self.router.add_api_route(path, answer, methods=methods, response_model=None)

    async def query(self, request: Request) -> Response:
        """The page's question: packets until a finished one, whatever happens (# B1, B2)."""
        asked = decode_query_request(await request.body())
        if self._gateway is not None:
            return self._gateway.stream(asked)
        query = _styled(asked.query, asked.output_style)
        ask = Ask(query, options={"agent": asked.agent}, session_id=asked.session_id, nobody=NOBODY_IN_JDGENIE)
        kept, _ = await self._host.begin(ask, request_id=asked.trace_id)
        coat = WebCoat(asked.trace_id, asked.agent_type, _urls(request))
        return self._host.stream(kept, coat, dialect="genie_web")

    async def auto_agent(self, request: Request) -> Response:
        """What the gateway asks: AgentResponse objects, and `heartbeat` as plain text."""
        asked = decode_agent_request(await request.body())
        query = _styled(asked.query, asked.output_style)
        ask = Ask(query, options={"agent": asked.agent}, session_id=asked.session_id, nobody=NOBODY_IN_JDGENIE)
        kept, _ = await self._host.begin(ask, request_id=asked.request_id)
        coat = AgentCoat(asked.request_id, asked.agent_type, _urls(request))
        every_s = self._host.settings.server.agent_heartbeat_s
        return self._host.stream(kept, coat, dialect="genie_agent", heartbeat_s=every_s)

    async def health(self) -> Response:
        """Whether the server answers, in a type that only JDGenie would choose."""
        return PlainTextResponse("ok", media_type="text/event-stream")

    async def no_models(self) -> Response:
        """The data models: there are none."""
        return JSONResponse({"code": 200, "data": []})

    async def no_chat_query(self) -> Response:
        """A data question: an error that unlocks the page."""
        return PlainTextResponse(NO_CHAT_QUERY, media_type="text/event-stream")

    async def download(self, run_id: str, name: str) -> Response:
        """A file of a run, to be saved."""
        return await file_answer(await self._host.archive.find(run_id), name)

    async def preview(self, run_id: str, name: str) -> Response:
        """A file of a run, to be seen; nothing in it runs in the server's name."""
        answer = await self.download(run_id, name)
        media_type = mimetypes.guess_type(name)[0] or ""
        if media_type.startswith(INLINE):
            answer.headers["Content-Type"] = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
            answer.headers["Content-Disposition"] = "inline"
            answer.headers["Content-Security-Policy"] = CLOSED
        return answer


def _styled(query: str, style: str) -> str:
    if not query.strip():
        raise RequestError("The question is empty.")
    return f"{query}\n\n{STYLES[style]}" if style in STYLES else query


def _urls(request: Request) -> FileUrl:
    """The addresses of a run's files, for whoever made this request; the page swaps one word of them for the other."""
    base = str(request.base_url).rstrip("/")

    def urls(run_id: str, file: FileRef) -> FileUrls:
        name = quote(file.name)
        return FileUrls(f"{base}/web/files/{run_id}/preview/{name}", f"{base}/web/files/{run_id}/download/{name}")

    return urls
