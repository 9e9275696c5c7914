"""A call that a person refused is told as that, and is not made again in other words."""

import asyncio

import pytest

from genie_nb.backend.models.analyst import OfflineAnalyst
from genie_nb.backend.models.base import ChatMessage, Text, ToolCallFragment, ToolCallRequest, ToolSpec
from genie_nb.backend.models.sections import section

TABLE = (
    '{"name": "s.csv", "kind": "csv", "read": "pd.read_csv(\'s.csv\')", "size": 9, "rows": 2,'
    ' "columns": [{"name": "amount", "examples": ["1", "2"]}]}'
)
TOOL = ToolSpec("code_interpreter", "Run Python.", {"type": "object", "properties": {"code": {"type": "string"}}})
REFUSALS = {
    "by the person": "This call of code_interpreter was refused. The reason: 太多",
    "by a rule": "A rule of the person forbids this call of code_interpreter. Do without it.",
    "by the clock": "Nobody allowed this call of code_interpreter within 3600 s, so it was not made.",
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_call_is_told_and_not_made_again(refusal: str) -> None:
    question = section("question", "What is the total amount?") + "\n" + section("inputs", TABLE)
    called = ToolCallRequest("a", "code_interpreter", "{}")
    messages = [
        ChatMessage("user", question),
        ChatMessage("assistant", "", tool_calls=(called,)),
        ChatMessage("tool", refusal, tool_call_id="a"),
    ]

    async def reply() -> list[object]:
        return [chunk async for chunk in OfflineAnalyst(pace_s=0).stream(messages, (TOOL,))]

    chunks = asyncio.run(reply())

    assert not [chunk for chunk in chunks if isinstance(chunk, ToolCallFragment)]
    assert refusal in "".join(chunk.text for chunk in chunks if isinstance(chunk, Text)).replace("**", "")
