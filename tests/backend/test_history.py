"""History: tool output is shortened first, then the oldest steps go, never the task."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.history import KEPT_OUTPUT, History
from genie_nb.backend.models.base import ChatMessage, ToolCallRequest
from genie_nb.errors import TokenLimit

SYSTEM, TASK = ChatMessage("system", "rules"), ChatMessage("user", "the task")


def step(number: int, output: str) -> tuple[ChatMessage, ChatMessage]:
    call = ToolCallRequest(f"c{number}", "look", "{}")
    return ChatMessage("assistant", "", tool_calls=(call,)), ChatMessage("tool", output, tool_call_id=call.call_id)


def history(*outputs: str, context_tokens: int) -> History:
    made = History(SYSTEM, TASK, context_tokens=context_tokens)
    for number, output in enumerate(outputs):
        made.add(*step(number, output))
    return made


def outputs(of: History) -> list[str]:
    return [message.content for message in of.messages if message.role == "tool"]


def test_what_fits_is_left_as_it_is() -> None:
    made = history("x" * 2_000, context_tokens=10_000)
    before = list(made.messages)

    made.trim()

    assert made.messages == before


def test_the_oldest_long_output_is_shortened_first_and_says_what_is_left_out() -> None:
    made = history("a" * 4_000, "b" * 4_000, "c" * 4_000, context_tokens=3_000)

    made.trim()

    first, second, last = outputs(made)
    assert first == f"{'a' * KEPT_OUTPUT}\n… {4_000 - 2 * KEPT_OUTPUT} characters left out …\n{'a' * KEPT_OUTPUT}"
    assert (second, last) == ("b" * 4_000, "c" * 4_000)


def test_output_is_shortened_once_and_keeps_its_word_about_what_is_left_out() -> None:
    made = history("a" * 4_000, "b" * 9_000, context_tokens=3_400)
    made.trim()
    made.add(*step(2, "c" * 300))

    made.trim()

    assert f"… {4_000 - 2 * KEPT_OUTPUT} characters left out …" in outputs(made)[0]


def test_then_the_oldest_steps_go_whole() -> None:
    made = history(*("x" * 1_000 for _ in range(8)), context_tokens=1_300)

    made.trim()

    assert made.messages[:2] == [SYSTEM, TASK]
    calls = [call.call_id for message in made.messages for call in message.tool_calls]
    answered = [message.tool_call_id for message in made.messages if message.role == "tool"]
    assert calls == answered == ["c5", "c6", "c7"]
    assert made.tokens <= 1_300 * 0.8


def test_the_last_step_stays_however_long_it_is() -> None:
    made = history("a", "b" * 9_000, context_tokens=1_000)

    with pytest.raises(TokenLimit):
        made.trim()

    assert outputs(made) == ["b" * 9_000]


def test_a_task_that_is_too_long_is_a_limit_that_names_what_fills_it() -> None:
    made = History(SYSTEM, ChatMessage("user", "x" * 40_000), context_tokens=1_000)

    with pytest.raises(
        TokenLimit,
        match=r"about 10,\d{3} tokens and the model takes 800; the longest part is a message of the user with about 10,004",
    ):
        made.trim()


def test_chinese_counts_a_token_a_character_and_english_a_quarter() -> None:
    english = History(ChatMessage("user", "abcd" * 100), context_tokens=1_000)
    chinese = History(ChatMessage("user", "销售数据" * 100), context_tokens=1_000)

    assert (english.tokens, chinese.tokens) == (104, 404)


def test_reasoning_and_arguments_count_too() -> None:
    call = ToolCallRequest("c", "look", "x" * 400)

    assert History(ChatMessage("assistant", "", tool_calls=(call,), reasoning="y" * 400), context_tokens=1_000).tokens == 204


def test_the_estimate_learns_from_what_the_model_counts() -> None:
    made = history("x" * 4_000, context_tokens=100_000)
    before = made.tokens

    made.counted(2 * before)
    assert made.tokens == 2 * before

    made.counted(0)
    assert made.tokens == 2 * before


@given(st.lists(st.integers(0, 6_000), max_size=12), st.integers(1_000, 20_000))
def test_whatever_was_said_the_task_stays_and_calls_keep_their_results(lengths: list[int], context_tokens: int) -> None:
    made = history(*("x" * length for length in lengths), context_tokens=context_tokens)

    try:
        made.trim()
    except TokenLimit:
        assert len(outputs(made)) <= 1
    else:
        assert made.tokens <= context_tokens * 0.8
    assert made.messages[:2] == [SYSTEM, TASK]
    calls = [call.call_id for message in made.messages for call in message.tool_calls]
    assert calls == [message.tool_call_id for message in made.messages if message.role == "tool"]
