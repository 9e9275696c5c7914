"""The offline analyst's reports: which questions ask for one, what the plan holds then, and what is written."""

import json
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.backend.models.analyst.conversation import read_conversation
from genie_nb.backend.models.analyst.report_wish import report_wish
from genie_nb.backend.models.analyst.reporting import reporting
from genie_nb.backend.models.base import ChatMessage
from genie_nb.backend.models.sections import section
from genie_nb.backend.reports.charts import Chart
from genie_nb.backend.reports.document import Notes, read_document

ASKED = {
    "Write a report on total revenue by region": ("", "total revenue by region"),
    "Total revenue by region, as slides": ("pptx", "Total revenue by region"),
    "Analyse sales.csv and make a PowerPoint presentation": ("pptx", "Analyse sales.csv"),
    "Make an HTML page with the revenue by region": ("html", "the revenue by region"),
    "total revenue by region. HTML report please": ("html", "total revenue by region"),
    "Create slides about the trend of revenue by month": ("pptx", "the trend of revenue by month"),
    "Give me a short report of sales by month": ("", "sales by month"),
    "Compare North and South, then write it as a markdown report.": ("markdown", "Compare North and South"),
    "Write an HTML report. Total revenue by region": ("html", "Total revenue by region"),
    "Summarize sales.csv in a slide deck": ("pptx", "Summarize sales.csv"),
    "plot revenue over time and put everything into a deck": ("pptx", "plot revenue over time"),
    "A report on revenue by month": ("", "revenue by month"),
    "写一份关于各地区营收的报告": ("", "各地区营收"),
    "按地区统计总营收，并生成PPT": ("pptx", "按地区统计总营收"),
    "分析 sales.csv，写成HTML网页报告": ("html", "分析 sales.csv"),
    "各地区营收分析报告": ("", "各地区营收"),
    "请帮我做一份销售数据的幻灯片": ("pptx", "销售数据"),
    "按月统计营收趋势，用PPT展示": ("pptx", "按月统计营收趋势"),
    "写一份按月统计营收的HTML报告": ("html", "按月统计营收"),
    "按产品汇总营收并画柱状图，最后输出为Markdown格式的报告": ("markdown", "按产品汇总营收并画柱状图"),
    "生成一份分析报告": ("", "overview"),
    "Write a report about it\n\nWork it out first, then write it as a report with the tool report.": ("", "it"),
}


@pytest.mark.parametrize(("question", "wish"), ASKED.items())
def test_a_question_that_asks_for_a_report_is_read_without_those_words(question: str, wish: tuple[str, str]) -> None:
    found = report_wish(question)
    assert found is not None
    assert (found.format, found.rest) == wish


NOT_ASKED = [
    "report the average revenue", "i want to report the total revenue", "What is in report.csv?", "total by report type",
    "Which reports are late?", "show me the report type by region", "what is the total revenue in the report table?",
    "draw a chart of revenue by month", "total revenue by region",
    "报告期内的营收是多少", "报告.csv 里有什么", "写作成绩的平均值",
    "按报告日期统计营收",
]  # fmt: skip


@pytest.mark.parametrize("question", NOT_ASKED)
def test_other_questions_keep_all_their_words(question: str) -> None:
    assert report_wish(question) is None


CSV = "month,region,revenue\n2024-01,North,1200\n2024-01,South,900\n2024-02,North,1500\n2024-02,South,1100\n"
CHINESE = "月份,地区,营收\n2024-01,华东,1200\n2024-01,华北,900\n2024-02,华东,1500\n2024-02,华北,1100\n"


def ask(folder: Path, question: str, csv: str = CSV, **options: Any) -> gn.Run:
    (folder / "sales.csv").write_text(csv, encoding="utf-8")
    options |= {"runs_folder": folder / "runs", "slide_pictures": False, "model": "offline"}
    return gn.ask(question, files=[folder / "sales.csv"], show=False, **options).result(timeout_s=50)


@pytest.mark.parametrize("agent", ["plan_solve", "react", "report"])
def test_a_report_is_written_from_what_was_computed_and_says_by_whom(tmp_path: Path, agent: str) -> None:
    run = ask(tmp_path, "Write a report on total revenue by region. Revenue trend by month.", agent=agent)
    assert run.status == "finished"
    page = run.read_file("report.html").decode()
    for needed in ("2,700", "2,000", "no language model was asked", "offline rules", "<svg", "total revenue"):
        assert needed in page
    assert "report.html" in [file.name for file in run.files]
    assert "The report is written: `report.html`." in run.answer
    (text,) = [message.text for message in run.transcript.messages.values() if message.channel == "report"]
    assert len([block for block in read_document(text).blocks if isinstance(block, Chart)]) == 2


@pytest.mark.parametrize("question", ["Write a report about it", "Write a report", "写成报告"])
def test_a_report_in_a_conversation_is_of_what_was_found_before(tmp_path: Path, question: str) -> None:
    (tmp_path / "sales.csv").write_text(CSV, encoding="utf-8")
    with gn.Chat(agent="report", runs_folder=tmp_path / "runs", model="offline") as chat:
        chat.ask("Total revenue by region", files=tmp_path / "sales.csv", show=False).result(timeout_s=50)
        run = chat.ask(question, show=False).result(timeout_s=50)

    (text,) = [message.text for message in run.transcript.messages.values() if message.channel == "report"]
    assert "2,700" in text
    assert "I have no rule" not in text
    assert "## Main results\n\n- By region, North" in text or "## 主要结果\n\n- 按 region 看" in text


def test_a_remark_is_no_result_of_its_own() -> None:
    answer = (
        "**Total is 5.**\n\n| a | b |\n| --- | ---: |\n| x | 2 |\n| y | 3 |\n\n- 9 of 200 rows have no b and were left out."
    )

    text = written(json.dumps({"kind": "result", "title": "", "text": answer}))

    assert ": 1 result." in text
    assert "## Main results\n\n- Total is 5.\n\n##" in text
    assert [line for line in text.splitlines() if line.startswith("#") and "9 of 200" in line] == []


def test_the_plan_ends_with_the_report(tmp_path: Path) -> None:
    run = ask(tmp_path, "按地区统计总营收，并生成PPT", CHINESE)
    assert run.plan is not None
    assert [step.title for step in run.plan.steps][-1] == "撰写报告（幻灯片）"
    assert run.plan.steps[-1].after == tuple(step.id for step in run.plan.steps[:-1])
    assert [file.name for file in run.files] == ["report.pptx"]


def test_without_an_answer_there_is_no_report(tmp_path: Path) -> None:
    run = gn.ask("Write a report about love", model="offline", runs_folder=tmp_path, show=False).result(timeout_s=50)
    assert run.status == "finished"
    assert run.files == ()
    assert "I have no rule for this question" in run.answer


def written(*findings: str, report: str = '{"task": "sales", "format": "html"}', question: str = "sales") -> str:
    text = "\n".join((section("question", question), section("report", report), section("findings", "\n".join(findings))))
    return reporting(read_conversation([ChatMessage("user", text)], ()))


RESULT = '{"kind": "result", "title": "Total by region", "status": "completed", "text": "North leads: 4. South: 3.\\n\\n%s"}'
TABLE = "| region | total |\\n| --- | ---: |\\n| North | $4,000 |\\n| South | $3,000 |"


def test_a_table_of_numbers_is_drawn_and_kept() -> None:
    text = written(RESULT % TABLE)
    (section_,) = [section for section in read_document(text).sections if section.title == "Total by region"]
    chart = section_.blocks[1]
    assert isinstance(chart, Chart)
    assert (chart.type, chart.labels, chart.numbers, chart.unit) == ("bar", ("North", "South"), [4000, 3000], "$")
    assert "- North leads: 4." in text


def test_a_picture_is_shown_where_no_chart_says_the_same() -> None:
    assert "![Spread](spread.png)" in written(
        '{"kind": "result", "title": "Spread", "status": "completed", "text": "The chart `spread.png` shows the spread."}'
    )


def test_slides_get_notes_and_other_forms_do_not() -> None:
    slides = written(RESULT % TABLE, report='{"task": "sales", "format": "pptx"}')
    assert [block for block in read_document(slides).blocks if isinstance(block, Notes)]
    assert "Notes:" not in written(RESULT % TABLE)


def test_what_failed_is_said() -> None:
    failed = '{"kind": "result", "title": "Trend", "status": "failed", "text": "There are no dates."}'
    assert "- Failed: Trend. There are no dates." in written(RESULT % TABLE, failed)


def test_sources_are_listed_as_links_to_the_web_alone() -> None:
    text = written(
        '{"kind": "source", "title": "A [x](y)", "source": "https://a.example/p", "text": "t"}',
        '{"kind": "source", "title": "B", "source": "javascript:alert(1)", "text": "t"}',
    )
    assert "1. [A  x (y)](https://a.example/p)" in text
    assert "2. B (`javascript:alert(1)`)" in text


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"kind": "result"}', '{"kind": "table"}', '{"kind": 3, "text": []}', "\x00"]
)
def test_findings_that_cannot_be_read_give_a_report_that_says_so(line: str) -> None:
    assert "found nothing that could be reported" in written(line)
