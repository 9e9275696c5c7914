"""Tokens: how questions become queries in English, Chinese, Japanese and Korean, and what nobody can put into one."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.search.tokens import indexed, match_query, terms

TERMS = {
    "English without its small words": ("What is the cost of a heat pump?", ["cost", "heat", "pump"]),
    "only small words": ("what is it", ["what", "is", "it"]),
    "Chinese in pairs": ("成本控制", ["成本", "本控", "控制"]),
    "a Chinese question": ("热泵的价格是多少？", ["热泵", "价格"]),
    "a word that holds a small word": ("申请补贴的目的", ["申请", "请补", "补贴", "目的"]),
    "one letter": ("税", ["税"]),
    "mixed": ("用pandas合并", ["用", "pandas", "合并"]),
    "Japanese": ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
    "Korean": ("한국어", ["한국", "국어"]),
    "camel case": ("KernelPool", ["KernelPool", "Kernel", "Pool"]),
    "full width": ("ＡＢＣ１", ["ABC1"]),
    "nothing": ("?!… ", []),
}


@pytest.mark.parametrize(("question", "found"), TERMS.values(), ids=TERMS.keys())
def test_what_of_a_question_is_looked_for(question: str, found: list[str]) -> None:
    assert terms(question) == found


def matches(text: str, question: str) -> bool:
    with sqlite3.connect(":memory:") as database:
        database.execute('CREATE VIRTUAL TABLE words USING fts5(body, tokenize="porter unicode61 remove_diacritics 2")')
        database.execute("INSERT INTO words VALUES (?)", (indexed(text),))
        found = database.execute("SELECT count(*) FROM words WHERE words MATCH ?", (match_query(question),)).fetchone()[0]
    database.close()
    return bool(found)


FOUND = {
    "a stem": ("She was running late", "run"),
    "an accent": ("Ein schönes Café", "cafe schones"),
    "Chinese inside a sentence": ("公司今年的成本控制得很好", "成本控制"),
    "one Chinese letter": ("税务登记", "税"),
    "a name in code": ("def read_frame(): ...", "read_frame"),
    "a part of a name in code": ("class KernelPool:", "pool"),
    "half width for full width": ("ＡＢＣ公司", "abc"),
}


@pytest.mark.parametrize(("text", "question"), FOUND.values(), ids=FOUND.keys())
def test_a_text_is_found(text: str, question: str) -> None:
    assert matches(text, question)


HOSTILE = ['"', '" OR "1', "a*", "NEAR(a b)", "a AND", "col:a", "^a", "(", "-a", "a\0b", "'; DROP TABLE words;--", "\ud800a"]


@pytest.mark.parametrize("question", HOSTILE)
def test_no_question_breaks_the_query(question: str) -> None:
    matches("a b", question.encode("utf-8", "replace").decode()) if match_query(question) else None


@given(st.text(max_size=60))
def test_any_question_is_a_query_or_nothing(question: str) -> None:
    readable = question.encode("utf-8", "replace").decode()
    if match_query(readable):
        matches("anything", readable)
