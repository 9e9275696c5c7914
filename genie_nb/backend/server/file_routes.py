"""The tool service's files: bring them, list them, look at them, fetch them; JDGenie's `/v1/file_tool`.

A preview is shown as what it is, but nothing in it may act in the server's name: it is sandboxed. JDGenie lets any page read
previews (`Access-Control-Allow-Origin: *`). Here the guard names the allowed page instead; a `*` beside it would let a page
that is not allowed read a preview out of the browser's cache.

Above: `app`. Below: `file_shelf`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.datastructures import FormData, UploadFile
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from genie_nb.backend.server.file_shelf import FileShelf, Shelved, media_type_of, urls_of
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.uploads import form_of
from genie_nb.backend.wire.genie_calls import JsonObject
from genie_nb.errors import RequestError

__all__ = ("FileRoutes", "unprocessable")

SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}

Answer = Callable[["FileRoutes", Request], Coroutine[Any, Any, Response]]
_B = TypeVar("_B", bound="_Body")


class _Body(BaseModel):
    """Fields go by their camelCase and their snake_case names; others are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class _FileName(_Body):
    request_id: str
    file_name: str


class _Upload(_FileName):
    description: str
    content: str


class _Listing(_Body):
    request_id: str
    filters: list[_FileName] | None = Field(default=None, max_length=1000)
    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=10, ge=1, le=1000)


class FileRoutes:
    """The routes over one host."""

    def __init__(self, host: Host) -> None:
        self._shelf = FileShelf.of(host)
        self.router = APIRouter(prefix="/v1/file_tool", tags=["file_tool"])
        for path, answer, methods in (
            ("/upload_file", self.upload_text, ["POST"]),
            ("/upload_file_data", self.upload, ["POST"]),
            ("/get_file", self.look, ["POST"]),
            ("/get_file_list", self.every_file, ["POST"]),
            ("/download/{place:path}", self.download, ["GET", "HEAD"]),
            ("/preview/{place:path}", self.preview, ["GET", "HEAD"]),
        ):
            self.router.add_api_route(path, answer, methods=methods, response_model=None)

    async def upload_text(self, request: Request) -> Response:
        """Take a text as a file."""
        asked = await _asked(request, _Upload)
        if isinstance(asked, Response):
            return asked
        content = asked.content.encode("utf-8", "replace")
        return await self._put(request, asked.request_id, asked.file_name, content)

    async def upload(self, request: Request) -> Response:
        """Take a file from a form; its name may be percent-encoded."""
        async with form_of(request) as form:
            return await self._take(request, form)

    async def _take(self, request: Request, form: FormData) -> Response:
        file, request_id = form.get("file"), form.get("requestId", form.get("request_id"))
        if not isinstance(file, UploadFile):
            return unprocessable("Field required", ("file",), "missing")
        if not isinstance(request_id, str):
            return unprocessable("Field required", ("requestId",), "missing")
        return await self._put(request, request_id, unquote(file.filename or ""), file.file, oss=False)

    async def _put(self, request: Request, request_id: str, name: str, content: Any, *, oss: bool = True) -> Response:
        try:
            kept = await asyncio.to_thread(self._shelf.put, request_id, name, content)
        except RequestError as error:
            return unprocessable(str(error))
        item = kept.item(_base(request))
        named = ("ossUrl", "downloadUrl", "domainUrl", "fileSize") if oss else ("downloadUrl", "domainUrl", "fileSize")
        return JSONResponse({field: item[field] for field in named})

    async def look(self, request: Request) -> Response:
        """Where a file can be had."""
        asked = await _asked(request, _FileName)
        if isinstance(asked, Response):
            return asked
        await self._shelf.settled(asked.request_id)
        found = await asyncio.to_thread(self._shelf.find, asked.request_id, asked.file_name)
        if found is None:
            return PlainTextResponse("Unexpected error: file not found", 500)
        return JSONResponse(_place_of(found, _base(request)))

    async def every_file(self, request: Request) -> Response:
        """A page of the files of a request id, or of those that are named; `totalSize` is the bytes of all pages."""
        asked = await _asked(request, _Listing)
        if isinstance(asked, Response):
            return asked
        await self._shelf.settled(asked.request_id)
        found = await asyncio.to_thread(self._found, asked)
        first = (asked.page - 1) * asked.page_size
        page = [_place_of(file, _base(request)) for file in found[first : first + asked.page_size]]
        return JSONResponse({"results": page, "totalSize": sum(file.size for file in found)})

    def _found(self, asked: _Listing) -> list[Shelved]:
        if not asked.filters:
            return self._shelf.listed(asked.request_id)
        named = (self._shelf.find(wanted.request_id, wanted.file_name) for wanted in asked.filters)
        return [file for file in named if file is not None]

    async def download(self, request: Request) -> Response:
        """A file as octets."""
        found = await self._find(request.scope)
        if found is None:
            return PlainTextResponse("File not found", 404)
        return FileResponse(found.path, headers=SANDBOX, media_type="application/octet-stream", filename=found.path.name)

    async def preview(self, request: Request) -> Response:
        """A file as what it is, where its type is known."""
        found = await self._find(request.scope)
        if found is None:
            return PlainTextResponse("File not found", 404)
        kind = media_type_of(found.name)
        way = "attachment" if kind == "application/octet-stream" else "inline"
        return FileResponse(
            found.path, headers=SANDBOX, media_type=kind, filename=found.path.name, content_disposition_type=way
        )

    async def _find(self, scope: Scope) -> Shelved | None:
        request_id, name = _place_in(scope)
        await self._shelf.settled(request_id)
        return await asyncio.to_thread(self._shelf.find, request_id, name)


def unprocessable(message: str, loc: Sequence[str] = (), kind: str = "value_error") -> Response:
    """The answer to a body that cannot be used, in FastAPI's form, as JDGenie's clients know it."""
    return _details([{"type": kind, "loc": ["body", *loc], "msg": message}])


async def _asked(request: Request, kind: type[_B]) -> _B | Response:
    """What a request asks for, or the answer that says why it is none."""
    body = await request.body()
    try:
        return await asyncio.to_thread(kind.model_validate_json, body)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        return _details([{**one, "loc": ["body", *one["loc"]]} for one in told])


def _details(details: list[dict[str, Any]]) -> Response:
    return JSONResponse({"detail": details}, 422)


def _base(request: Request) -> str:
    return str(request.base_url)


def _place_of(file: Shelved, base: str) -> JsonObject:
    preview, download = urls_of(base, file.request_id, file.name)
    urls = {"ossUrl": download, "downloadUrl": download, "domainUrl": preview}
    return {**urls, "requestId": file.request_id, "fileName": file.name}


def _place_in(scope: Scope) -> tuple[str, str]:
    """The request id and the file's name in an address; only its raw form tells a `/` in them from one between them."""
    raw = bytes(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("utf-8", "replace")
    request_id, _, name = raw.split("/v1/file_tool/", 1)[-1].partition("/")[2].partition("/")
    return unquote(request_id), unquote(name)
