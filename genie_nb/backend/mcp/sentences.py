"""What went wrong with a server, in one sentence.

Above: `sessions`, `kept`. Below: `errors`.
"""

from genie_nb.errors import GenieError
from genie_nb.parts import readable

__all__ = ("ends_session", "sentence", "unreached")

CLOSED_CODES = (-32000, -32600)
"""The library's codes for a connection that was closed, and for a session that the server has forgotten."""
SAID_CHARACTERS = 500


def _leaf(error: BaseException | None) -> BaseException | None:
    """The first error inside a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def unreached(error: BaseException | None) -> bool:
    """Whether another transport would reach nobody either."""
    leaf = _leaf(error)
    if isinstance(leaf, GenieError):  # it may say that the library is not installed
        return True
    import httpx2

    return isinstance(leaf, httpx2.ConnectError | httpx2.ConnectTimeout)


def ends_session(error: BaseException) -> bool:
    """Whether a session cannot be relied on after this; an error that the server itself answers with is no reason."""
    leaf = _leaf(error)
    if isinstance(leaf, GenieError):
        return True
    from mcp.shared.exceptions import MCPError
    from pydantic import ValidationError

    if isinstance(leaf, ValidationError):
        return False
    return not isinstance(leaf, MCPError) or leaf.code in CLOSED_CODES


def sentence(error: BaseException, there: str) -> str:
    """The sentence, for the model and the person.

    Args:
        error: What the library raised.
        there: How a sentence about the server begins.
    """
    import httpx2
    from mcp.shared.exceptions import MCPError
    from pydantic import ValidationError

    leaf = _leaf(error)
    if isinstance(leaf, TimeoutError | httpx2.TimeoutException):
        return f"{there} did not answer in time."
    if isinstance(leaf, httpx2.HTTPStatusError):
        return f"{there} answered with HTTP status {leaf.response.status_code}."
    if isinstance(leaf, httpx2.ConnectError):
        return f"{there} could not be reached."
    if isinstance(leaf, MCPError | httpx2.SSEError) and "byte limit" in str(leaf):
        return f"{there} sent a message that is too large."
    if isinstance(leaf, MCPError) and leaf.code != CLOSED_CODES[0]:
        return f"{there} refused: {readable(leaf.message)[:SAID_CHARACTERS]}"
    if isinstance(leaf, MCPError | httpx2.TransportError):
        return f"{there} closed the connection before it had answered."
    if isinstance(leaf, ValidationError):
        first = leaf.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][-3:])
        return f"{there} answered with what is no answer of the protocol: {place}: {first['msg'].lower()}."
    return f"{there} cannot be understood: {type(leaf).__name__}: {readable(str(leaf))[:300]}"
