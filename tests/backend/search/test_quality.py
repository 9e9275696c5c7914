"""How often the passage that answers is found first: a floor under what `benchmarks/quality_search.py` measures."""

from pathlib import Path

from benchmarks.quality_search import Known, chinese, english, ours, plain, reference, share


def shares(known: Known, folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    return share(known, ours(known, folder)), share(known, plain(known, folder))


def test_chinese_questions_find_their_passage_and_would_not_with_the_default_tokenizer(tmp_path: Path) -> None:
    (first, five), (plain_first, _) = shares(chinese(50), tmp_path)
    assert first > 0.9
    assert five > 0.95
    assert plain_first < 0.2


def test_english_questions_find_their_passage(tmp_path: Path) -> None:
    (first, five), (plain_first, _) = shares(english(50), tmp_path)
    assert first >= plain_first > 0.7
    assert five > 0.95


def test_another_form_of_a_word_finds_it_too(tmp_path: Path) -> None:
    (_, five), (_, plain_five) = shares(reference(80, other_forms=True), tmp_path)
    assert five > plain_five
