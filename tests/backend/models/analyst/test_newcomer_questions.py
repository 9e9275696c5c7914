"""What a newcomer asked and pandas contradicted: times are ranges, two sides stay two sides, and odd values are said."""
# ruff: noqa: E501 - a question and the numbers of its answer stand on one line

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from genie_nb.backend.models.base import ToolSpec
from tests.backend.models.analyst.analyst_driver import play, react
from tests.backend.models.analyst.newcomer_tables import lay
from tests.backend.models.analyst.test_answers import best, shown

Expected = Callable[[pd.DataFrame], list[object]]


def span(frame: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    """The rows of a shop from one month to another."""
    return frame[frame.date.str[:7].between(first, last)]


def months(frame: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    """The rows of the areas from one month of the year to another."""
    return frame[month_of(frame).between(first, last)]


def month_of(frame: pd.DataFrame) -> pd.Series:
    return frame.月份.str.extract(r"年(\d+)月")[0].astype(int)


def of_years(frame: pd.DataFrame, **where: str) -> list[float]:
    """Revenue of 2023, of 2024, and the difference."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    one, other = (frame[frame.date.str[:4] == year].revenue.sum() for year in ("2023", "2024"))
    return [one, other, other - one]


def change(frame: pd.DataFrame, **where: str) -> str:
    one, _, more = of_years(frame, **where)
    return f"{100 * more / one:.2f}".rstrip("0").rstrip(".").replace("-", "−") + " %"


def sides(frame: pd.DataFrame) -> list[object]:
    return [
        cell
        for region in frame.region.unique()
        for cell in (region, *of_years(frame, region=region), change(frame, region=region))
    ]


def products(frame: pd.DataFrame) -> list[object]:
    mean = frame.groupby(["region", "product"]).revenue.mean().unstack()
    return [*mean.Laptop, *mean.Phone, *(mean.Laptop - mean.Phone)]


def pay_gap(frame: pd.DataFrame) -> list[object]:
    mean = frame.groupby(["department", "gender"]).salary.mean().unstack()
    gap = mean.M - mean.F
    return [f"**{gap.abs().idxmax()} has the largest difference", *gap, *mean.F, *mean.M]


def top_months(frame: pd.DataFrame) -> list[object]:
    total = frame.groupby(month_of(frame)).销售额.sum().nlargest(3)
    return [cell for month in total.index for cell in (f"2024-{month:02d}", total[month])]


RANGES: list[tuple[str, str, Expected]] = [
    ("sales.csv", "Total revenue from January 2024 to June 2024", lambda f: [span(f, "2024-01", "2024-06").revenue.sum(), "January 2024 to June 2024"]),
    ("sales.csv", "Total revenue from 2024-03 to 2024-05", lambda f: [span(f, "2024-03", "2024-05").revenue.sum(), "March 2024 to May 2024"]),
    ("sales.csv", "Total revenue between March and May 2024", lambda f: [span(f, "2024-03", "2024-05").revenue.sum()]),
    ("sales.csv", "Total revenue between March and May", lambda f: [span(f, "2024-03", "2024-05").revenue.sum() + span(f, "2023-03", "2023-05").revenue.sum(), "March to May of any year"]),
    ("sales.csv", "revenue in Q1 to Q3 2024", lambda f: [span(f, "2024-01", "2024-09").revenue.sum(), "Q1 2024 to Q3 2024"]),
    ("sales.csv", "Which region had the highest revenue from July to September 2024?", lambda f: best(span(f, "2024-07", "2024-09"), "region", "revenue")),
    ("sales.csv", "Total revenue since October 2023", lambda f: [span(f, "2023-10", "2024-12").revenue.sum(), "since October 2023"]),
    ("sales.csv", "Total revenue until May 2023", lambda f: [span(f, "2023-01", "2023-05").revenue.sum()]),
    ("sales.csv", "Total revenue before March 2023", lambda f: [span(f, "2023-01", "2023-02").revenue.sum()]),
    ("sales.csv", "Total revenue after September 2024", lambda f: [span(f, "2024-10", "2024-12").revenue.sum()]),
    ("sales.csv", "Total revenue of the last 5 months", lambda f: [span(f, "2024-08", "2024-12").revenue.sum(), "the last 5 months in the table"]),
    ("sales.csv", "Total revenue of the last 3 months of 2023", lambda f: [span(f, "2023-10", "2023-12").revenue.sum()]),
    ("sales.csv", "revenue from November to February 2024", lambda f: [span(f, "2023-11", "2024-02").revenue.sum()]),
    ("sales.csv", "revenue in January 2023 and March 2024", lambda f: [span(f, "2023-01", "2023-01").revenue.sum() + span(f, "2024-03", "2024-03").revenue.sum()]),
    ("sales.csv", "total units from 03/01/2024 to 05/31/2024", lambda f: [span(f, "2024-03", "2024-05").units.sum(), "2024-03-01 to 2024-05-31"]),
    ("sales.csv", "去年3月到5月的收入", lambda f: [span(f, "2023-03", "2023-05").revenue.sum()]),
    ("sales.csv", "2023年11月至2024年2月的收入", lambda f: [span(f, "2023-11", "2024-02").revenue.sum(), "2023年11月至2024年2月"]),
    ("销售.csv", "3月至5月的销售额合计是多少", lambda f: [months(f, 3, 5).销售额.sum()]),
    ("销售.csv", "2024年3月到5月的销售额", lambda f: [months(f, 3, 5).销售额.sum(), "2024年3月至2024年5月"]),
    ("销售.csv", "第一季度到第三季度的销售额", lambda f: [months(f, 1, 9).销售额.sum()]),
    ("销售.csv", "7月到9月销售额最高的地区", lambda f: [f"**{months(f, 7, 9).groupby('地区').销售额.sum().idxmax()}", months(f, 7, 9).groupby("地区").销售额.sum().max()]),
    ("销售.csv", "2024年10月以来的销售额", lambda f: [months(f, 10, 12).销售额.sum(), "2024年10月起"]),
]  # fmt: skip

SIDES: list[tuple[str, str, Expected]] = [
    ("sales.csv", "How much did revenue grow from 2023 to 2024?", lambda f: [*of_years(f)[:2], change(f)]),
    ("sales.csv", "2023年到2024年收入增长了多少？", lambda f: [*of_years(f)[:2], change(f)]),
    ("sales.csv", "Is revenue growing in the West?", lambda f: [*of_years(f, region="West")[:2], change(f, region="West")]),
    ("sales.csv", "Compare revenue of 2023 and 2024 by region", sides),
    ("sales.csv", "Revenue in 2023 vs 2024 by region", sides),
    ("sales.csv", "比较2023年和2024年各地区的收入", sides),
    ("sales.csv", "chart comparing revenue of 2023 and 2024 by region", lambda f: [*sides(f), "The chart"]),
    ("sales.csv", "Compare average revenue between Laptop and Phone in each region", products),
    ("sales.csv", "compare revenue and units in 2023 and 2024", lambda f: [*of_years(f)[:2], *f.groupby(f.date.str[:4]).units.sum()]),
    ("销售.csv", "12月的销售额比1月增长了多少？", lambda f: [months(f, 12, 12).销售额.sum() - months(f, 1, 1).销售额.sum()]),
    ("销售.csv", "华东比华南的销售额高多少？", lambda f: [abs(f[f.地区 == "华东"].销售额.sum() - f[f.地区 == "华南"].销售额.sum())]),
    ("employees.csv", "Which department has the largest gender pay gap?", pay_gap),
    ("销售.csv", "销售额最高的三个月是哪几个月？", top_months),
    ("销售.csv", "销售额最高的3个月", top_months),
    ("sales.csv", "Which 3 months were the best?", lambda f: [*f.groupby(f.date.str[:7]).revenue.sum().nlargest(3), "**The 3 highest"]),
]  # fmt: skip

ODD: list[tuple[str, str, Expected]] = [
    ("c2.csv", "What is the average cost of Cardio?", lambda f: ["**Average cost is 15 (Cardio), over 2 rows", "“cardio” (1), the same but for capital letters or blanks, was left out"]),
    ("c2.csv", "What is the average cost of CARDIO?", lambda f: [130 / 3, "were taken together"]),
    ("c1.csv", "What is the average cost of Cardio?", lambda f: ["**Average cost is 15", "“cardio ” (1)"]),
    ("c1.csv", "Average cost by dept", lambda f: ["“Cardio” (2) and “cardio ” (1) differ only", "yet stand as groups of their own"]),
    ("c2.csv", "Are there missing or odd values?", lambda f: ["dept “Cardio” (2) and “cardio” (1)"]),
    ("patients.csv", "Is height correlated with weight?", lambda f: [f"r = {f['Height (cm)'].corr(f['Weight (kg)']):.2f}", "look wrong (Height (cm) −1, Weight (kg) 720)", f"Without them r = {f.drop([5, 9])['Height (cm)'].corr(f.drop([5, 9])['Weight (kg)']):.2f} (118 rows)"]),
]  # fmt: skip


def ratio(frame: pd.DataFrame) -> list[object]:
    total = frame.groupby("region")[["revenue", "units"]].sum()
    per = total.revenue / total.units
    return [f"**{per.idxmax()} has the highest revenue per units", *per]


def best_in_each(frame: pd.DataFrame) -> list[object]:
    total = frame.groupby(["region", "product"]).revenue.sum()
    return [
        cell for region in frame.region.unique() for cell in (f"{total[region].idxmax()} / {region}", total[region].max())
    ]


def unpopular(frame: pd.DataFrame) -> list[object]:
    units = frame.groupby("product").units.sum()
    return [f"**{units.idxmin()} has the lowest total units", units.min(), "I took the sum of “units”"]


def remote(frame: pd.DataFrame, answer: str = "yes") -> pd.DataFrame:
    return frame[frame.remote == answer]


READINGS: list[tuple[str, str, Expected]] = [
    ("employees.csv", "salary by years of experience, chart", lambda f: [f"r = {f.years_experience.corr(f.salary):.2f}", "years_experience and salary", "The chart"]),
    ("employees.csv", "What share of employees works remotely?", lambda f: [f"**{100 * (f.remote == 'yes').mean():.2f}".rstrip("0").rstrip(".") + " %", f"{len(remote(f))} of 80"]),
    ("employees.csv", "average bonus_pct of remote employees", lambda f: [f"**Average bonus_pct is {remote(f).bonus_pct.mean():.2f}% (remote: yes)"]),
    ("employees.csv", "average salary of employees who are not remote", lambda f: [remote(f, "no").salary.mean(), "(remote: no)"]),
    ("employees.csv", "average salary by remote", lambda f: [remote(f, "no").salary.mean(), remote(f).salary.mean()]),
    ("sales.csv", "Which region has the highest revenue per unit?", ratio),
    ("sales.csv", "What is the best selling product in each region?", best_in_each),
    ("sales.csv", "Which product is the least popular?", unpopular),
    ("sales.csv", "What was the month-over-month growth in 2024?", lambda f: [*of_months(f)[1:], "2024-02"]),
    ("orders.csv", "How many orders are not paid?", lambda f: ["is 1 (paid: no)"]),
    ("patients.csv", "What is the total cost?", lambda f: [f"over {f.Cost.notna().sum()} rows", f"${f.Cost.sum():,.2f}".rstrip("0")]),
    ("dmy.csv", "Total sales by month", lambda f: ["2024-04", 60, "03/04/2024 was read as 2024-04-03, the day first"]),
]  # fmt: skip


def of_months(frame: pd.DataFrame) -> list[str]:
    total = span(frame, "2024-01", "2024-12").groupby(frame.date.str[:7]).revenue.sum()
    return [f"{change:.2f}".rstrip("0").rstrip(".").replace("-", "−") + " %" for change in total.pct_change() * 100]


ALL = [*RANGES, *SIDES, *ODD, *READINGS]


@pytest.mark.parametrize(("table", "question", "expected"), ALL, ids=[f"{t}-{q}" for t, q, _ in ALL])
def test_a_newcomers_question_gets_the_numbers_that_pandas_gives(
    table: str, question: str, expected: Expected, tmp_path: Path
) -> None:
    frame = lay(table, tmp_path)
    played = play(question, tmp_path)
    assert played.kernel.errors == []
    for wanted in expected(frame):
        assert shown(wanted) in played.answer, f"{shown(wanted)} is not in:\n{played.answer}"


@pytest.mark.parametrize(
    ("table", "question", "said"),
    [
        ("pre.csv", "Total amount by item", ["Tea has the highest total amount: 2,150.75", "stands below 3 other lines", "totals, is left out"]),
        ("x.json", "What is in this file?", ["x.json holds one JSON object (a) and no table", "Save a list of objects"]),
        ("header.csv", "What is in this file?", ["header.csv has no rows, only a header (a, b)"]),
        ("header.csv", "total a by b", ["header.csv has no rows", "Give a file that has rows"]),
        ("header.csv", "What is 10 / 0?", ["a division by zero has no result"]),
        ("orders.csv", "Total amount by zip", ["01067", "1,012"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_as_it_stands_is_read_or_refused_in_plain_words(
    table: str, question: str, said: list[str], tmp_path: Path
) -> None:
    lay(table, tmp_path)
    answer = play(question, tmp_path).answer
    for words in said:
        assert words in answer, answer
    assert "Error" not in answer


def test_a_question_of_cost_says_nothing_of_another_columns_gaps(tmp_path: Path) -> None:
    lay("patients.csv", tmp_path)
    assert "Age" not in play("average cost by department", tmp_path).answer


def test_two_counts_of_what_is_missing_agree(tmp_path: Path) -> None:
    frame = lay("patients.csv", tmp_path)
    gone = int(frame.replace("N/A", None).isna().sum().sum())
    for question in ("How many missing values are there?", "What is in this file?"):
        assert f"{gone} values are missing" in play(question, tmp_path).answer


def test_a_correlation_that_is_not_whole_is_not_rounded_to_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"load": range(50), "power": [at * 2 + (at % 3) * 2.5 for at in range(50)]})
    frame.to_csv(tmp_path / "bench.csv", index=False)
    answer = play("correlation of load and power", tmp_path).answer
    assert f"r = {frame.load.corr(frame.power):.3f}" in answer


RATE = ToolSpec(
    "exchange_rate",
    "The exchange rate of a currency to the euro.",
    {"type": "object", "properties": {"currency": {"type": "string"}}, "required": ["currency"]},
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is 250 CNY in euros by the exchange rate?", "250 × 0.13 = 32.5"),
        ("What is the exchange rate of CNY?", "gives 0.13"),
    ],
)
def test_a_rate_is_applied_to_the_one_amount_of_a_question(question: str, expected: str, tmp_path: Path) -> None:
    assert expected in react(question, tmp_path, [(RATE, lambda currency: {"CNY": 0.13}[currency])]).answer


@pytest.mark.parametrize(
    ("question", "expected"),
    [("3的平方加4的平方是多少", "3^2 + 4^2：25"), ("the square root of 16 plus 9", "no rule for this question")],
)
def test_half_of_a_computation_is_not_done(question: str, expected: str, tmp_path: Path) -> None:
    assert expected in react(question, tmp_path).answer


def test_bold_closes_before_the_stop_of_a_chinese_sentence(tmp_path: Path) -> None:
    lay("销售.csv", tmp_path)
    answer = play("按地区统计销售额", tmp_path).answer
    assert "**。总体为" in answer
    assert "。**" not in answer
