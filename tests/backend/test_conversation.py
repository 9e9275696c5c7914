"""What a later question is told of earlier ones."""

import json
from pathlib import Path

from genie_nb.backend.conversation import ANSWER_CHARACTERS, Conversation, Turn
from genie_nb.events import RunFinished, RunStarted, ToolFinished, ToolOutput, ToolStarted
from genie_nb.parts import CodePart
from tests.fakes import fold


def test_the_oldest_turns_are_left_out_when_they_no_longer_fit() -> None:
    conversation = Conversation(Path("nowhere"), turns=[Turn(f"question {n}", "words " * 40) for n in range(50)])

    lines = conversation.told(500).splitlines()

    asked = [json.loads(line)["question"] for line in lines]
    assert asked == [f"question {n}" for n in range(50 - len(asked), 50)]
    assert 3 < len(asked) < 10
    assert conversation.told(0) == ""


def test_a_long_answer_is_cut_in_its_middle() -> None:
    line = json.loads(Turn("q", "a" * 50_000 + "end").line())

    assert len(line["answer"]) < ANSWER_CHARACTERS + 100
    assert line["answer"].endswith("end")


def test_a_turn_is_what_came_of_a_run() -> None:
    def call(call_id: str, code: str, status: str, output: str = "") -> list[object]:
        return [
            ToolStarted(call_id=call_id, tool="code_interpreter", assignee="a"),
            ToolOutput(call_id=call_id, part=CodePart(code=code)),
            ToolFinished(call_id=call_id, status=status, output=output),
        ]

    events = [
        RunStarted(query="q", agent="react", model="m", badge="b"),
        *call("c1", "x = 1", "ok"),
        *call("c2", "1/0", "ok", "Traceback …"),
        *call("c3", "y = 2", "denied"),
        RunFinished(output="done"),
    ]

    turn = Turn.of("q", fold(events))

    assert (turn.answer, turn.code, turn.failed) == ("done", "x = 1", "")
