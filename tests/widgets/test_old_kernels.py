"""What an older ipykernel lacks is said once, in the language of the question, and a new one says nothing."""

import pytest

from genie_nb.widgets import old_kernels
from genie_nb.widgets.old_kernels import KernelNote


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(old_kernels, "display", lambda bundle, raw: said.append(bundle["text/plain"]))
    return said


@pytest.mark.parametrize("version", ["6.29.5", "6.31.0", "7.0", "7.3.9"])
def test_an_older_kernel_is_named_once(version: str, said: list[str]) -> None:
    note = KernelNote(version)

    note.say("en")
    note.say("zh")

    assert len(said) == 1
    assert said[0].startswith(
        f"With ipykernel {version}, a click in the view of a run, such as Stop, may be heard only after"
    )


def test_it_is_said_in_chinese_to_a_chinese_question(said: list[str]) -> None:
    KernelNote("6.29.5").say("zh")
    assert said[0].startswith("使用 ipykernel 6.29.5 时")


@pytest.mark.parametrize("version", ["7.4", "7.4.0", "7.10.1", "8.0.0", "of nobody"])
def test_a_kernel_that_hears_clicks_says_nothing(version: str, said: list[str]) -> None:
    KernelNote(version).say("en")
    assert said == []
