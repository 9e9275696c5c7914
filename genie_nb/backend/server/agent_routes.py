"""The agent backend's routes in the native dialect: ask, follow, resume, cancel.

Above: `app`. Below: `host`, `wire.native`.
"""

import secrets
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from genie_nb.backend.server.archive import Kept
from genie_nb.backend.server.downloads import file_answer
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.server.problems import problem
from genie_nb.backend.server.quota import Quota
from genie_nb.backend.server.uploads import form_of, save_upload, uploaded
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.native import FrameId, NativeCoat
from genie_nb.errors import RequestError, WireError
from genie_nb.transcript import Transcript

__all__ = ("AgentRoutes", "RunBody")


class DecisionBody(BaseModel):
    """What `POST /v1/runs/{id}/approvals/{call}` takes; see `RunHandle.decide`."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["once", "always", "refused"]
    reason: str = Field(default="", max_length=10_000)
    arguments: str = Field(default="", max_length=1_000_000)


class RunBody(BaseModel):
    """What `POST /v1/runs` takes.

    Attributes:
        query: The question.
        agent: `plan_solve`, `react`, `report` or `search`; the server's choice where none is given.
        files: Ids that `POST /v1/uploads` gave.
        request_id: Asking again with it joins the run that was begun with it.
        deadline_s: Seconds that the run may take; no more than the server gives it.
        session_id: A name of the client's choice: questions of one name belong to one conversation.
        turn: How many questions the client asked in it before; it is told when the server remembers fewer.
    """

    model_config = ConfigDict(extra="forbid")

    query: str = Field(max_length=100_000)
    agent: Literal["plan_solve", "react", "report", "search"] | None = None
    files: list[str] = Field(default=[], max_length=100)
    request_id: str = Field(default="", max_length=200)
    deadline_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    session_id: str = Field(default="", max_length=200)
    turn: int = Field(default=0, ge=0)


async def asked_mode(mode: str = "general", tokens: int = 5, seconds: float = 5.0) -> StreamMode:
    """The stream mode that a request asks for; `token` alone would be the server's token."""
    return StreamMode.checked(mode, tokens, seconds)


async def owner_in(request: Request) -> str:
    """Whose runs this request may see."""
    return str(request.scope.get("owner", ""))


AskedMode = Annotated[StreamMode, Depends(asked_mode)]
Owner = Annotated[str, Depends(owner_in)]


class AgentRoutes:
    """The routes over one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._quota = Quota(host.uploads, host.settings.server)
        self.router = APIRouter(prefix="/v1", tags=["runs"])
        for path, answer, methods in (
            ("/runs", self.ask, ["POST"]),
            ("/runs", self.every_run, ["GET"]),
            ("/runs/{run_id}", self.look, ["GET"]),
            ("/runs/{run_id}/events", self.follow, ["GET", "HEAD"]),
            ("/runs/{run_id}/cancel", self.cancel, ["POST"]),
            ("/runs/{run_id}/approvals/{call_id}", self.decide, ["POST"]),
            ("/runs/{run_id}/files/{name:path}", self.download, ["GET"]),
            ("/uploads", self.upload, ["POST"]),
        ):
            self.router.add_api_route(path, answer, methods=methods, response_model=None)

    async def ask(self, owner: Owner, mode: AskedMode, body: RunBody, *, follow: bool = True) -> Response:
        """Begin a run and follow it; `follow=false` answers with its id alone."""
        options: dict[str, Any] = {"agent": body.agent, "deadline_s": body.deadline_s}
        files = tuple(uploaded(self._host.uploads, upload) for upload in body.files)
        asked = Ask(body.query, files, options, session_id=body.session_id, turn=body.turn)
        kept, new = await self._host.begin(asked, request_id=body.request_id, owner=owner, follow=follow)
        if follow:
            return self._stream(kept, mode)
        return JSONResponse(_state(kept), 202 if new else 200, {"Location": f"/v1/runs/{kept.run.run_id}"})

    async def every_run(self, owner: Owner) -> Response:
        """The runs that are kept, newest first; those of an earlier process too."""
        return JSONResponse([_state(kept) for kept in await self._host.archive.every(owner)])

    async def look(self, owner: Owner, run_id: str) -> Response:
        """How a run stands."""
        return JSONResponse(_state(await self._host.archive.find(run_id, owner)))

    async def follow(
        self, owner: Owner, run_id: str, mode: AskedMode, *, after: str = "", last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        """Follow a run, from its beginning or after an event; 204 if there is nothing after it."""
        kept = await self._host.archive.find(run_id, owner)
        seq, anew = _place(kept, last_event_id or after)
        if not anew and seq and kept.run.channel.ended and seq >= len(kept.run.channel):
            return Response(status_code=204)
        return self._stream(kept, mode, after=seq, anew=anew)

    def _stream(self, kept: Kept, mode: StreamMode, *, after: int = 0, anew: bool = False) -> Response:
        coat = NativeCoat(kept.run.channel, mode=mode, clock=self._host.wheel.clock)
        response = self._host.stream(kept, coat, after=after, anew=anew)
        response.headers["Location"] = f"/v1/runs/{kept.run.run_id}"
        return response

    async def cancel(self, owner: Owner, run_id: str, reason: str = "") -> Response:
        """Stop a run; its end comes as an event."""
        kept = await self._host.archive.find(run_id, owner)
        kept.run.cancel(reason[:500] or "A client stopped the run.")
        return JSONResponse(_state(kept), 202)

    async def decide(self, owner: Owner, run_id: str, call_id: str, body: DecisionBody) -> Response:
        """Say whether a call that waits may be made; 409 if none of that id does."""
        kept = await self._host.archive.find(run_id, owner)
        try:
            await kept.run.decide(call_id, body.verdict, reason=body.reason, arguments=body.arguments, by="client")
        except RequestError as error:
            return problem(409, error.code, str(error))
        return JSONResponse(_state(kept))

    async def download(self, owner: Owner, run_id: str, name: str) -> Response:
        """A file of a run, always as octets: nothing in it may run in the server's name."""
        return await file_answer(await self._host.archive.find(run_id, owner), name)

    async def upload(self, request: Request) -> Response:
        """Take a file for a later question; answers with its id."""
        async with form_of(request) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                return problem(422, "invalid_request", "A form with a field 'file' is needed here.")
            upload_id = secrets.token_urlsafe(12)
            saved = await save_upload(self._host.uploads / upload_id, file, self._quota)
        return JSONResponse({"id": f"{upload_id}/{saved.name}", "name": saved.name})


def _place(kept: Kept, last: str) -> tuple[int, bool]:
    """After which event a reader goes on; and whether it must begin anew, as its place is in another log, or nowhere."""
    if not last:
        return 0, False
    channel = kept.run.channel
    try:
        place = FrameId.parse(last)
    except WireError:
        seq = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else -1
        return (seq, False) if 0 <= seq <= len(channel) else (0, True)
    if (place.run_id, place.epoch) != (channel.run_id, channel.epoch) or place.seq > len(channel):
        return 0, True
    return place.seq, False


def _state(kept: Kept) -> dict[str, Any]:
    run = kept.run
    return {
        "run_id": run.run_id,
        "status": run.status,
        "query": run.query,
        "answer": run.answer,
        "plan": msgspec.to_builtins(run.plan),
        "files": msgspec.to_builtins(run.files),
        "usage": msgspec.to_builtins(run.usage),
        "seconds": round(run.seconds, 3),
        "error": _error_of(run.transcript),
        "events": len(run.channel),
        "epoch": run.channel.epoch,
        "listeners": kept.listeners,
        "questions": msgspec.to_builtins(run.questions),
    }


def _error_of(transcript: Transcript) -> dict[str, str] | None:
    return {"code": transcript.error_code, "message": transcript.error} if transcript.error_code else None
