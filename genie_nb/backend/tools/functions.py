"""`@tool`: a typed Python function of the person's own as a tool.

The schema comes from the annotations, the descriptions from the docstring. The function stays in the process where it was
written and runs on a thread of its own there, so one that waits or computes in Python does not stall the backend's loop. One
call of C code that holds the interpreter's lock does.

Below: `tools/base`.
"""

import asyncio
import contextvars
import inspect
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, overload

import pydantic

from genie_nb.backend.models.base import ToolSpec
from genie_nb.backend.tools.base import Call
from genie_nb.backend.tools.returned import shown_and_told
from genie_nb.errors import SettingsError, ToolFailed

__all__ = ("FunctionTool", "tool")

DEFAULT_TIMEOUT_S = 120.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class FunctionTool:
    """A function as a tool; it can still be called as the function that it is."""

    function: Callable[..., Any]
    spec: ToolSpec
    timeout_s: float
    arguments: type[pydantic.BaseModel]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as if it were no tool."""
        return self.function(*args, **kwargs)

    def with_timeout(self, timeout_s: float) -> "FunctionTool":
        """The same tool with another limit of seconds a call."""
        return replace(self, timeout_s=timeout_s)

    async def call(self, call: Call) -> str:
        """Call the function on a thread of its own.

        Raises:
            ToolFailed: The arguments do not fit, the function raised, or it returned what nobody can read.
        """
        arguments = self._validated(call.arguments)
        value = await _on_own_thread(self.function, arguments)
        parts, told = await asyncio.to_thread(shown_and_told, self.spec.name, value)
        for part in parts:
            call.show(part)
        return told

    async def close(self) -> None:
        """Nothing is held."""

    def _validated(self, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            fitting = self.arguments.model_validate(arguments)
        except pydantic.ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise ToolFailed(f"The arguments of {self.spec.name} do not fit: {wrong}.") from error
        return {str(field.alias): getattr(fitting, key) for key, field in self.arguments.model_fields.items()}


@overload
def tool(function: Callable[..., Any]) -> FunctionTool: ...
@overload
def tool(
    *, name: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S, asks: bool = False
) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    asks: bool = False,
) -> FunctionTool | Callable[[Callable[..., Any]], FunctionTool]:
    """Turn a typed function, sync or async, into a tool.

    Args:
        function: The function; its docstring says what the tool does, an `Args` section what each argument means.
        name: The tool's name for the model; the function's own if not given.
        timeout_s: Seconds that one call may take.
        asks: Whether a person is asked before each call.

    Raises:
        SettingsError: The function has no name that a model can call, or arguments that no schema can describe.
    """
    if function is None:
        return lambda function: _tool_of(function, name, timeout_s, asks=asks)
    return _tool_of(function, name, timeout_s, asks=asks)


def _tool_of(function: Callable[..., Any], given_name: str | None, timeout_s: float, *, asks: bool) -> FunctionTool:
    name = given_name or str(getattr(function, "__name__", ""))
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} cannot be a tool's name. Use @gn.tool(name=...) with letters, digits and _.")
    about, described = _read_docstring(inspect.getdoc(function) or "")
    try:
        model = _arguments_of(function, name, described)
        schema = model.model_json_schema()
    except (pydantic.errors.PydanticUserError, NameError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(f"No schema can be made for the arguments of {name}: {reason}") from error
    schema.pop("title", None)
    return FunctionTool(function, ToolSpec(name, about or name, schema, asks), timeout_s, model)


def _arguments_of(function: Callable[..., Any], name: str, described: dict[str, str]) -> type[pydantic.BaseModel]:
    """The arguments as a model; they are aliases in it, as pydantic keeps names like `schema` and `_x` to itself."""
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(inspect.signature(function, eval_str=True).parameters.values()):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise SettingsError(f"The tool {name} takes {str(parameter).split(':')[0]}; name its arguments one by one.")
        annotation = str if parameter.annotation is parameter.empty else parameter.annotation
        default = ... if parameter.default is parameter.empty else parameter.default
        about = described.get(parameter.name)
        fields[f"argument_{number}"] = (annotation, pydantic.Field(default, alias=parameter.name, description=about))
    return pydantic.create_model(name, __config__=pydantic.ConfigDict(extra="forbid"), **fields)


def _read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """What a Google-style docstring says of the function, and of each argument."""
    about, _, rest = docstring.partition("\nArgs:\n")
    described: dict[str, str] = {}
    for name, text in re.findall(r"^\s+(\w+)(?:\s*\([^)]*\))?:\s*(.+(?:\n\s{6,}.+)*)", rest, re.MULTILINE):
        described[name] = " ".join(text.split())
    return re.split(r"\n(?:Returns|Raises|Yields|Examples?):\n", about)[0].strip(), described


async def _on_own_thread(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a function on a new daemon thread, an async one with a loop of its own there.

    A thread that never returns is left behind when the waiting is cancelled: it holds up neither the run nor the exit.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not result.done():
            setter(value)

    def work() -> None:
        try:
            value = function(**arguments)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
        except BaseException as error:  # SystemExit too is this call's failure, not the process's
            outcome: tuple[Callable[[Any], None], Any] = (result.set_exception, _as_exception(error))
        else:
            outcome = (result.set_result, value)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *outcome)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="genie_nb-tool", daemon=True).start()
    return await result


async def _awaited(value: Any) -> Any:
    return await value


def _as_exception(error: BaseException) -> Exception:
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
