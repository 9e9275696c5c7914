"""Ask a model, and keep all that came of it; a sleep that takes no time."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, Text, ToolSpec
from genie_nb.backend.models.openai import OpenAIModel
from genie_nb.backend.models.patience import Patience
from genie_nb.errors import ModelError
from tests.model_server import completion_event

FAKE_KEY = "sk-fake-0000000000000000"
HELLO = [ChatMessage(role="user", content="Hello")]
HALF = completion_event(delta={"content": "half"})


@dataclass
class Naps:
    """A sleep that only remembers for how long it was asked, and a clock that stands still."""

    now_s: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def patience(self, **limits: float) -> Patience:
        return Patience(sleep=self._sleep, now=lambda: self.now_s, chance=lambda: 0.5, **limits)

    async def _sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class Answer:
    chunks: list[Chunk] = field(default_factory=list)
    error: ModelError | None = None

    @property
    def text(self) -> str:
        return "".join(c.text for c in self.chunks if isinstance(c, Text))


async def listen(model: OpenAIModel, messages: list[ChatMessage], tools: tuple[ToolSpec, ...] = ()) -> Answer:
    answer = Answer()
    try:
        async with aclosing(model.stream(messages, tools)) as chunks:
            async for chunk in chunks:
                answer.chunks.append(chunk)
    except ModelError as error:
        answer.error = error
    return answer


def ask(model: OpenAIModel, *questions: list[ChatMessage], tools: tuple[ToolSpec, ...] = ()) -> list[Answer]:
    async def all_questions() -> list[Answer]:
        try:
            return [await listen(model, messages, tools) for messages in questions or (HELLO,)]
        finally:
            await model.close()

    return asyncio.run(all_questions())


def failure(model: OpenAIModel) -> ModelError:
    [answer] = ask(model)
    assert answer.error is not None
    assert not any(isinstance(chunk, Finish) for chunk in answer.chunks)
    return answer.error
