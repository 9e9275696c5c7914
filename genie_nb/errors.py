"""Every exception that genie_nb raises, as one tree.

    GenieError
    ├── RunError                a run cannot go on
    │   ├── RequestError        the question or its files cannot be used
    │   │   └── RequestConflict the request id belongs to another question
    │   ├── RunCancelled        somebody stopped the run
    │   ├── StepLimit           the agent used up its steps
    │   ├── RepeatedCall        the model makes the same call again and again
    │   ├── TokenLimit          the conversation does not fit the model
    │   ├── Deadline            the run took longer than it was given
    │   └── Interrupted         the process that worked on it was stopped
    ├── ModelError              the model, or the road to it, failed
    │   ├── RateLimited         too many requests for now
    │   └── ContextTooLong      the model refused the conversation's length
    ├── ToolFailed              a tool could not do what it was asked (told to the model)
    │   └── CallDenied          a person, or a rule, did not allow the call
    ├── InterpreterFailed       no Python kernel could be had
    ├── WireError               bytes that are no event of ours
    ├── LinkError               a server could not be reached, or refused
    ├── AdmissionRefused        a server has no room for now
    ├── PrinterClosed           an event after the end of its run
    └── SettingsError           a setting has a wrong value

A message is one or two sentences for the person: what happened, to what, and what to do.
`code` is the stable word for the same thing in events and in JSON.

Below: `url_secrets`.
"""

from typing import ClassVar

from genie_nb.url_secrets import without_passwords

__all__ = (
    "AdmissionRefused",
    "CallDenied",
    "ContextTooLong",
    "Deadline",
    "GenieError",
    "InterpreterFailed",
    "Interrupted",
    "LinkError",
    "ModelError",
    "PrinterClosed",
    "RateLimited",
    "RepeatedCall",
    "RequestConflict",
    "RequestError",
    "RunCancelled",
    "RunError",
    "SettingsError",
    "StepLimit",
    "TokenLimit",
    "ToolFailed",
    "WireError",
    "error_of",
)


class GenieError(Exception):
    """The root: catch this to catch everything that genie_nb raises. No message holds a password of an address."""

    code: ClassVar[str] = "internal"

    def __init__(self, *given: object) -> None:
        super().__init__(*(without_passwords(one) if isinstance(one, str) else one for one in given))


class RunError(GenieError):
    """A run cannot go on."""

    code = "run_failed"


class RequestError(RunError):
    """The question or its files cannot be used."""

    code = "bad_request"


class RequestConflict(RequestError):
    """The request id belongs to another question."""

    code = "conflict"


class RunCancelled(RunError):
    """Somebody stopped the run."""

    code = "cancelled"


class StepLimit(RunError):
    """The agent used up its steps."""

    code = "step_limit"


class RepeatedCall(RunError):
    """The model makes the same call with the same result again, after it was told."""

    code = "repeated_call"


class TokenLimit(RunError):
    """The conversation does not fit the model, and nothing more can be trimmed."""

    code = "token_limit"


class Deadline(RunError):
    """The run took longer than it was given."""

    code = "deadline"


class Interrupted(RunError):
    """The process that worked on the run was stopped."""

    code = "interrupted"


class ModelError(GenieError):
    """The model, or the road to it, failed.

    Attributes:
        kind: What went wrong, one of `auth`, `quota`, `rate_limit`, `not_found`, `context_length`, `content_filter`,
            `overloaded`, `timeout`, `invalid_request`, `server`, `unreachable`, `not_a_stream`, `truncated`, `stalled`.
        partial: The text that had arrived before the failure.
    """

    code = "model"

    def __init__(self, message: str, *, kind: str = "server", partial: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.partial = partial


class RateLimited(ModelError):
    """The model takes no more requests for now."""

    code = "rate_limited"


class ContextTooLong(ModelError):
    """The model refused the conversation for its length."""

    code = "context_too_long"


class ToolFailed(GenieError):
    """A tool could not do what it was asked; the message is told to the model."""

    code = "tool"


class CallDenied(ToolFailed):
    """A person, or a rule, did not allow a call."""

    code = "denied"


class InterpreterFailed(GenieError):
    """No Python kernel could be had."""

    code = "interpreter"


class WireError(GenieError):
    """Bytes that are no event of ours."""

    code = "wire"


class LinkError(GenieError):
    """A server could not be reached, or refused.

    Attributes:
        status: Its HTTP status, or 0 where there was none.
        retry_after_s: Seconds after which it wants to be asked again.
    """

    code = "link"

    def __init__(self, message: str, *, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s


class AdmissionRefused(GenieError):
    """A server has no room for now.

    Attributes:
        why: What is full, or `closing`: one word, as the server's metrics name it.
        retry_after_s: Seconds after which to try again.
        status: The HTTP status that says so.
    """

    code = "refused"

    def __init__(self, message: str, *, why: str, retry_after_s: float, status: int = 503) -> None:
        super().__init__(message)
        self.why, self.retry_after_s, self.status = why, retry_after_s, status


class PrinterClosed(GenieError):
    """An event was printed after the end of its run."""

    code = "printer_closed"


class SettingsError(GenieError):
    """A setting has a wrong value."""

    code = "settings"


def error_of(code: str, message: str) -> GenieError:
    """The error that an event tells of by its code."""

    def kinds(root: type[GenieError]) -> list[type[GenieError]]:
        return [root, *(kind for below in root.__subclasses__() for kind in kinds(below))]

    kind = next((kind for kind in kinds(GenieError) if kind.code == code), GenieError)
    try:
        return kind(message)
    except TypeError:
        return GenieError(message)
