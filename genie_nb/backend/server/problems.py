"""Problems: errors as JSON answers, in one form: `{"error": {"code": ..., "message": ...}}`.

Above: `guard`, `app`. Below: `errors`.
"""

from starlette.responses import JSONResponse, Response

from genie_nb.errors import AdmissionRefused, GenieError, LinkError, RequestConflict, RequestError, SettingsError, WireError
from genie_nb.parts import readable

__all__ = ("answer_to", "problem")

STATUS: dict[type[GenieError], int] = {
    RequestConflict: 409,
    RequestError: 404,
    WireError: 400,
    SettingsError: 400,
    LinkError: 502,
}
"""The first that fits counts."""


def problem(status: int, code: str, message: str, *, retry_after_s: float | None = None) -> Response:
    """An answer that says what is wrong."""
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
    return JSONResponse({"error": {"code": code, "message": readable(message)}}, status_code=status, headers=headers)


def answer_to(error: GenieError) -> Response:
    """The answer to a request that failed with this error."""
    if isinstance(error, AdmissionRefused):
        return problem(error.status, error.code, str(error), retry_after_s=error.retry_after_s)
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return problem(status, error.code, str(error))
