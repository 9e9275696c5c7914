"""The scripted model says what it was given to say."""

import pytest

from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, Text, TokenCount, ToolCallFragment, ToolSpec
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.errors import ModelError
from tests.fakes import run

QUESTION = [ChatMessage("user", "How many rows?!!")]


def heard(model: ScriptedModel, messages: list[ChatMessage] = QUESTION, tools: tuple[ToolSpec, ...] = ()) -> list[Chunk]:
    chunks: list[Chunk] = []

    async def listen() -> None:
        async for chunk in model.stream(messages, tools):  # one by one, to have what came before an error
            chunks.append(chunk)  # noqa: PERF401

    try:
        run(listen())
    except ModelError as error:
        chunks.append(Text(f"!{error}"))
    return chunks


def test_a_text_is_said_in_its_pieces_and_finished() -> None:
    assert heard(ScriptedModel([Say(["a", "", "b"])])) == [Text("a"), Text("b"), TokenCount(4, 3), Finish()]


def test_calls_come_with_ids_names_and_json() -> None:
    chunks = heard(ScriptedModel([Say("I look.", [("look", {"at": "北"}), ("look", "{half")])]))

    assert chunks[1:3] == [
        ToolCallFragment(0, "call_1_0", "look", '{"at": "北"}'),
        ToolCallFragment(1, "call_1_1", "look", "{half"),
    ]


def test_an_error_comes_after_the_text_and_nothing_is_finished() -> None:
    assert heard(ScriptedModel([Say("half", error=ModelError("gone"))])) == [Text("half"), Text("!gone")]


def test_replies_come_in_order_and_a_script_has_an_end() -> None:
    model = ScriptedModel(Say(text) for text in "ab")

    assert [heard(model)[0] for _ in range(3)] == [
        Text("a"), Text("b"), Text("!The script of the scripted model has come to its end."),
    ]  # fmt: skip
    assert model.asked == [QUESTION] * 3


def test_a_function_sees_the_conversation_and_the_tools() -> None:
    look = ToolSpec("look", "Looks.", {})

    model = ScriptedModel(lambda messages, tools: Say(f"{messages[-1].content} {tools[0].name}"))

    assert heard(model, tools=(look,))[0] == Text("How many rows?!! look")


@pytest.mark.parametrize("said", [Say(), Say([])], ids=["no text", "no pieces"])
def test_saying_nothing_is_a_finished_reply(said: Say) -> None:
    assert heard(ScriptedModel([said])) == [TokenCount(4, 0), Finish()]
