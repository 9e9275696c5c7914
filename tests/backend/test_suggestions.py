"""Questions that fit a file: what they ask for, and that the offline analyst answers every one of them."""

from pathlib import Path

import pytest

import genie_nb as gn
from genie_nb.backend.inbox import summary_of

FILES = {
    "shop.csv": "date,shop,category,units,revenue\n2024-01-03,Shop A,toys,3,30.5\n2024-02-07,Shop B,books,1,12\n",
    "scores.csv": "student_id,name,class,score\n101,Ann,red,88\n102,Bob,blue,91\n103,Cid,red,75\n",
    "numbers.csv": "x,y\n1,2\n3,4\n",
    "words.csv": "city,country\nRome,Italy\nOslo,Norway\nMilan,Italy\n",
    "销售.csv": "日期,地区,销售额\n2024-01-01,华北,120\n2024-02-01,华南,80\n2024-02-03,华北,50\n",
    "ids.csv": "id,code\n1,100\n2,200\n",
}
FITTING = {
    "shop.csv": ("What is in shop.csv?", "What is the total units by shop?", "Draw units by month."),
    "scores.csv": ("What is in scores.csv?", "What is the mean score by class?", "Draw the mean score by class."),
    "numbers.csv": ("What is in numbers.csv?", "What is the mean x?"),
    "words.csv": ("What is in words.csv?", "How many rows are there by city?"),
    "销售.csv": ("What is in 销售.csv?", "What is the total 销售额 by 地区?", "Draw 销售额 by month."),
    "ids.csv": ("What is in ids.csv?",),
}


def written(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_text(FILES[name], encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
def test_questions_ask_for_what_the_file_has(name: str, tmp_path: Path) -> None:
    questions = summary_of(written(name, tmp_path)).questions
    assert questions["en"] == FITTING[name]
    assert len(questions["zh"]) == len(questions["en"])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["shop.csv", "scores.csv", "words.csv", "销售.csv"])
def test_the_offline_analyst_answers_each_of_them(name: str, language: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    columns = FILES[name].splitlines()[0].split(",")
    for question in summary_of(path).questions[language]:
        run = gn.ask(question, files=path, model="offline", runs_folder=tmp_path / "runs", show=False).result(timeout_s=120)
        assert run.status == "finished"
        bare = question.replace(name, "")
        asked = [column for column in columns if column in bare and column != "date"]
        assert all(column in run.answer for column in asked or columns), (question, run.answer)
        assert bool(run.files) == question.startswith(("Draw", "画出", "按月画出"))
