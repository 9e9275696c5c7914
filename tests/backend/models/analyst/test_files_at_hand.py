"""Which of the files at hand is read, and how: workbooks below their titles, every sheet, lists in JSON, texts that are quoted."""
# ruff: noqa: E501 - a question and the words of its answer stand on one line

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.backend.documents import pdf
from tests.backend.models.analyst.analyst_driver import play, react

STAFF = [["Name", "Department", "Salary", "Age"], ["Ann", "HR", 30, 39], ["Ben", "IT", 50, 41], ["Cyd", "IT", 70, 45]]
BUDGETS = [["Department", "Budget"], ["HR", 100], ["IT", 250]]
TITLED = [
    ["Quarterly sales", None, None],
    ["Region", "Sales", "Cost"],
    ["North", 100, 60],
    ["South", 200, 90],
    ["Total", 300, 150],
]
SALES = "year,region,sales\n2023,North,10\n2024,South,30\n"
ITEMS = {
    "meta": {"v": 1},
    "items": [{"city": "Rome", "price": 1.5, "tags": ["x"]}, {"city": "Paris", "price": 2, "tags": []}],
}
OPS = "Warehouse: moving to Hamburg in autumn.\nThe lease in Bremen\nends on 30 September 2024.\n"


def lay(folder: Path, *names: str) -> None:
    """Write these files."""
    for name in names:
        path = folder / name
        match name:
            case "staff.xlsx":
                with pd.ExcelWriter(path) as book:
                    pd.DataFrame(STAFF).to_excel(book, sheet_name="People", header=False, index=False, startrow=2)
                    pd.DataFrame(BUDGETS).to_excel(book, sheet_name="Budgets", header=False, index=False)
            case "titled.xlsx":
                pd.DataFrame(TITLED).to_excel(path, header=False, index=False)
            case "sales.csv" | "other.csv":
                path.write_text(SALES)
            case "headless.csv":
                path.write_text("2024-01-01,5\n2024-01-02,7\n2024-01-03,9\n")
            case "items.json":
                path.write_text(json.dumps(ITEMS))
            case "report.pdf":
                path.write_bytes(pdf("The total revenue was 4,321 EUR.", "Nobody was hired."))
            case "ops.txt":
                path.write_text(OPS)


CASES: list[tuple[list[str], str, list[str]]] = [
    (["staff.xlsx"], "How many people are older than 40?", ["**2 of 3 rows", "The header of staff.xlsx (People) stands below 2 other rows, which are skipped"]),
    (["staff.xlsx"], "What is the total budget?", ["**Total Budget is 350", "the sheet “Budgets”, one of 2"]),
    (["staff.xlsx"], "What is in the sheet Budgets?", ["**staff.xlsx (Budgets) has 2 rows"]),
    (["staff.xlsx"], "各Department的平均Salary", ["IT", "60", "以上取自工作表“People”（共 2 个工作表）", "表头上方有 2 行其他内容"]),
    (["staff.xlsx"], "What is in this file?", ["staff.xlsx (People) has 3 rows and 4 columns", "staff.xlsx (Budgets) has 2 rows and 2 columns"]),
    (["titled.xlsx"], "total sales by region", ["| South | 200 | 66.67 % |", "Overall: 300", "below 1 other row, which is skipped, and its last row, which holds totals, is left out"]),
    (["sales.csv", "staff.xlsx"], "Average salary by department", ["IT has the highest average Salary: 60"]),
    (["sales.csv", "staff.xlsx"], "total sales by region", ["South has the highest total sales: 30"]),
    (["sales.csv", "staff.xlsx", "ops.txt"], "What is in these files?", ["sales.csv has 2 rows", "staff.xlsx (People) has 3 rows", "ops.txt has 2 lines and about 15 words. It begins:"]),
    (["other.csv", "sales.csv"], "What is in sales.csv?", ["**sales.csv has 2 rows"]),
    (["other.csv", "sales.csv"], "total by region", ["The question fits other tables at hand as well; I took other.csv"]),
    (["headless.csv"], "What is in this file?", ["The first line of headless.csv (2024-01-01, 5) was taken as its header, yet reads like values"]),
    (["items.json"], "total price by city", ["Paris has the highest total price: 2", "The table is the list “items” in items.json"]),
    (["items.json"], "What is in this file?", ["items.json has 2 rows and 3 columns"]),
    (["report.pdf"], "What does this document say about revenue?", ["- “The total revenue was 4,321 EUR.” (report.pdf, page 1)", "These are quotes"]),
    (["report.pdf"], "Who was hired?", ["(report.pdf, page 2)"]),
    (["report.pdf"], "What is in this file?", ["report.pdf has 2 pages", "> The total revenue was 4,321 EUR."]),
    (["ops.txt"], "What do the notes say about Hamburg?", ["- “Warehouse: moving to Hamburg in autumn.” (ops.txt, line 1)"]),
    (["ops.txt"], "When does the lease in Bremen end?", ["“The lease in Bremen ends on 30 September 2024.” (ops.txt, line 2)"]),
    (["ops.txt"], "What do the notes say about Munich?", ["No sentence of ops.txt holds “munich”", "> Warehouse: moving to Hamburg"]),
    (["sales.csv", "ops.txt"], "What do the notes say about Hamburg?", ["(ops.txt, line 1)"]),
    (["ops.txt"], "What is 2+3?", ["2+3: 5"]),
]  # fmt: skip


@pytest.mark.parametrize(("names", "question", "wanted"), CASES, ids=[f"{'+'.join(case[0])}: {case[1]}" for case in CASES])
def test_the_files_at_hand_are_read(names: list[str], question: str, wanted: list[str], tmp_path: Path) -> None:
    lay(tmp_path, *names)

    played = react(question, tmp_path)

    assert not played.kernel.errors
    assert [words for words in wanted if words not in played.answer] == [], played.answer
    assert "I have no rule" not in played.answer


def test_a_plan_reads_them_too(tmp_path: Path) -> None:
    lay(tmp_path, "sales.csv", "staff.xlsx", "report.pdf")

    assert "IT has the highest average Salary: 60" in play("Average salary by department", tmp_path).answer
    files = play("What is in these files?", tmp_path).answer
    assert "| region | text | 0 | 2 |" in files
    assert "| Budget | number | 0 | 2 | 100 – 250 |" in files
    assert "report.pdf has 2 pages" in files
    assert "(report.pdf, page 1)" in play("What does this document say about revenue?", tmp_path).answer
