"""What ordinary people ask, in casual words, of ordinary files: the numbers are those of pandas, and nothing is misread silently."""
# ruff: noqa: E501 - a question and the numbers of its answer stand on one line

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.backend.models.analyst.analyst_driver import play, react
from tests.backend.models.analyst.ordinary_tables import bring
from tests.backend.models.analyst.test_answers import best, by, shown

Expected = Callable[[pd.DataFrame], list[object]]


def share(test: pd.Series) -> str:
    return f"{100 * test.mean():.1f}".removesuffix(".0") + " %"


def dated(frame: pd.DataFrame, column: str = "Order Date") -> pd.Series:
    return pd.to_datetime(frame[column])


def spent(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.Amount < 0].assign(Amount=lambda f: -f.Amount)


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.year == 2020]


ASKED: list[tuple[str, str, Expected]] = [
    ("hr.csv", "whats the avg salry of female engineers", lambda f: [f[(f.gender == "F") & (f.dept == "Engineering")].annual_salary.mean()]),
    ("hr.csv", "what percentage of employees left?", lambda f: [share(f.attrition == "Yes"), int((f.attrition == "Yes").sum())]),
    ("hr.csv", "attrition rate by department", lambda f: [f"{100 * value:.2f}".rstrip("0").rstrip(".") + " %" for value in (f.attrition == "Yes").groupby(f.dept).mean()]),
    ("hr.csv", "is attrition higher among men or women", lambda f: [share(f[f.gender == "F"].attrition == "Yes"), share(f[f.gender == "M"].attrition == "Yes")]),
    ("hr.csv", "hires per year as a line chart", lambda f: [f.hire_date.str[:4].value_counts().max(), "number of rows"]),
    ("hr.csv", "employees with rating of 5", lambda f: [f"**{(f.performance_rating == 5).sum()} of 120 rows"]),
    ("hr.csv", "show me everyone hired after 2022", lambda f: [f"**{(f.hire_date >= '2023').sum()} of 120 rows"]),
    ("hr.csv", "draw a bar chart of headcount by dept", lambda f: [*f.dept.value_counts()]),
    ("hospital_visits.csv", "which department is most expensive on average?", lambda f: best(f, "department", "treatment_cost", "mean")),
    ("hospital_visits.csv", "total treatment cost in the last quarter of 2023", lambda f: [f[f.admission_date.str[3:5].isin(["10", "11", "12"])].treatment_cost.sum()]),
    ("hospital_visits.csv", "what share of patients has private insurance", lambda f: [share(f.insurance.dropna() == "Private"), f"{f.insurance.isna().sum()} rows without insurance"]),
    ("hospital_visits.csv", "which diagnosis is most common?", lambda f: [f"**{f.diagnosis.mode()[0]} has the highest number of rows", f.diagnosis.value_counts().max()]),
    ("orders.csv", "average order value per customer", lambda f: by(f, "Customer Name", "Order Total", "mean")),
    ("orders.csv", "return rate by category", lambda f: [share(f.Status == "Returned"), *(f.Status == "Returned").groupby(f.Category).sum()]),
    ("orders.csv", "best day ever for sales", lambda f: [f"${f.groupby('Order Date')['Order Total'].sum().max():,.2f}".rstrip("0")]),
    ("orders.csv", "sales in the first half of 2023", lambda f: [f[dated(f).dt.month <= 6]["Order Total"].sum()]),
    ("orders.csv", "revenue of the last 3 months", lambda f: [f[dated(f).dt.month >= 10]["Order Total"].sum()]),
    ("orders.csv", "orders above $2000", lambda f: [f"**{(f['Order Total'] > 2000).sum()} of 200 rows"]),
    ("orders.csv", "orders between 100 and 200 dollars", lambda f: [f"**{f['Order Total'].between(100, 200).sum()} of 200 rows"]),
    ("orders.csv", "cancelled orders by month", lambda f: [dated(f[f.Status == "Cancelled"]).dt.month.value_counts().max(), "number of"]),
    ("orders.csv", "what was total revenue in Q4 and how does it compare to Q3?", lambda f: [f[dated(f).dt.quarter == 4]["Order Total"].sum(), f[dated(f).dt.quarter == 3]["Order Total"].sum()]),
    ("countries.csv", "which country has the highest gdp?", lambda f: [*best(latest(f), "country", "gdp_billion"), "is a state"]),
    ("countries.csv", "population by continent", lambda f: by(latest(f), "continent", "population")),
    ("countries.csv", "China vs India gdp", lambda f: by(latest(f)[latest(f).continent == "Asia"], "country", "gdp_billion")),
    ("countries.csv", "fastest growing economy", lambda f: ["**China has the highest growth", f"{100 * (latest(f).gdp_billion.max() / 1200 - 1):.1f} %"]),
    ("tourism.csv", "which country grew fastest from 2019 to 2022", lambda f: ["**Spain", f"+{100 * (95 / 80 - 1):.1f} %"]),
    ("tourism.csv", "which country had the biggest drop in 2020?", lambda f: ["**Italy", f"−{100 * (1 - 55 / 90):.1f} %"]),
    ("tourism.csv", "Spain in 2020", lambda f: [50]),
    ("tourism.csv", "sum by year", lambda f: [*f.drop(columns="Country").sum()]),
    ("tourism.csv", "what's in this file", lambda f: ["3 rows and 5 columns"]),
    ("prices.csv", "Which company grew fastest?", lambda f: ["**AAPL has the highest growth of average close"]),
    ("prices.csv", "which company performed best this year?", lambda f: ["**AAPL has the highest growth of average close"]),
    ("bank.csv", "how much did I spend on food?", lambda f: [spent(f)[spent(f).Category == "Food"].Amount.sum()]),
    ("bank.csv", "biggest expense", lambda f: [spent(f).Amount.max()]),
    ("bank.csv", "spending by category", lambda f: by(spent(f), "Category", "Amount")),
    ("bank.csv", "average monthly spending", lambda f: [spent(f).groupby(spent(f).Date.str[:7]).Amount.sum().mean()]),
    ("bank.csv", "list expenses over 500", lambda f: [f"**{(f.Amount < -500).sum()} of 160 rows"]),
    ("bank.csv", "how many transactions are negative", lambda f: [f"**{(f.Amount < 0).sum()} of 160 rows"]),
    ("meter.csv", "compare M1 and M2", lambda f: by(f, "meter", "kwh")),
    ("meter.csv", "peak hour", lambda f: ["**19:00", f.groupby(f.timestamp.str[11:13]).kwh.sum().max()]),
    ("meter.csv", "voltage trend", lambda f: [f[f.timestamp < "2024-01-02"].voltage.mean()]),
    ("meter.csv", "kwh on 2024-01-03", lambda f: [f[f.timestamp.str.startswith("2024-01-03")].kwh.sum()]),
    ("inventory.csv", "which products are below reorder level?", lambda f: [f"**{(f.stock_qty < f.reorder_level).sum()} of 60 rows"]),
    ("inventory.csv", "3 cheapest products", lambda f: [*f.nsmallest(3, "unit_cost").product_name]),
    ("survey.csv", "what percent would recommend (agree or strongly agree)?", lambda f: [share(f.q2_would_recommend.isin(["Agree", "Strongly agree"]))]),
    ("hr.csv", "比较男女的平均工资", lambda f: by(f, "gender", "annual_salary", "mean")),
    ("prices.csv", "每家公司收盘价的平均值是多少？", lambda f: by(f, "company", "close", "mean")),
    ("countries.csv", "世界总人口是多少", lambda f: [latest(f).population.sum()]),
    ("员工.csv", "月薪超过2万的有几个人", lambda f: [int((f.月薪 > 20000).sum())]),
    ("员工.csv", "月薪在1万到2万之间的人数", lambda f: [int(f.月薪.between(10000, 20000).sum())]),
    ("员工.csv", "每年入职人数的趋势", lambda f: [f.入职日期.str[:4].value_counts().max()]),
    ("员工.csv", "本科学历占比", lambda f: [share(f.学历 == "本科")]),
    ("员工.csv", "技术部和销售部谁工资高", lambda f: by(f[f.部门 != "财务部"], "部门", "月薪", "mean")),
    ("员工.csv", "最年轻的员工", lambda f: [f.年龄.min(), str(f.loc[f.年龄.idxmin(), "姓名"])]),
    ("员工.csv", "哪个部门人最多", lambda f: [f.部门.value_counts().max(), f"**{f.部门.mode()[0]}"]),
    ("员工.csv", "各部门男女比例", lambda f: [f"{100 * (f[f.部门 == '技术部'].性别 == '女').mean():.2f}".rstrip("0").rstrip(".") + " %"]),
    ("订单.csv", "今年上半年的销售额", lambda f: [f[f.下单时间.str.startswith("2024")].订单金额.sum()]),
    ("订单.csv", "去年销售额", lambda f: [f[f.下单时间.str.startswith("2023")].订单金额.sum()]),
    ("订单.csv", "2023年下半年各省份销售额", lambda f: by(f[f.下单时间.between("2023/07", "2024")], "省份", "订单金额")),
    ("订单.csv", "退货率是多少", lambda f: [share(f.是否退货 == "是")]),
    ("订单.csv", "各省退货率", lambda f: [*(f.是否退货 == "是").groupby(f.省份).sum()]),
    ("订单.csv", "客单价是多少", lambda f: [f.订单金额.mean()]),
    ("订单.csv", "每个月的订单数量", lambda f: [f.下单时间.str[:7].value_counts().max(), "行数"]),
    ("订单.csv", "食品类订单有多少单", lambda f: [int((f.商品类别 == "食品").sum())]),
    ("订单.csv", "星期几订单最多", lambda f: ["**星期", pd.to_datetime(f.下单时间).dt.day_name().value_counts().max()]),
    ("订单.csv", "广东和浙江比哪个卖得好", lambda f: by(f[f.省份 != "四川"], "省份", "订单金额")),
    ("订单.csv", "2024年第一季度家电销售额是多少", lambda f: [f[f.下单时间.between("2024/01", "2024/04") & (f.商品类别 == "家电")].订单金额.sum()]),
    ("订单.csv", "帮我看看这个数据有什么问题", lambda f: ["没有缺失值", "没有重复行"]),
    ("成绩.csv", "及格率是多少", lambda f: [share(f.是否及格 == "及格")]),
    ("成绩.csv", "不及格的有多少人", lambda f: [int((f.是否及格 == "不及格").sum())]),
    ("成绩.csv", "各科平均分", lambda f: [f.语文.mean(), f.数学.mean(), f.英语.mean()]),
    ("成绩.csv", "数学90分以上的有几个", lambda f: [int((f.数学 >= 90).sum())]),
    ("人口.csv", "2023年广东人口是多少", lambda f: [f.loc[0, "2023"]]),
    ("人口.csv", "人口最多的省", lambda f: [f["2023"].max(), "广东", "取最新一期"]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "question", "expected"), ASKED, ids=[f"{t}-{q}" for t, q, _ in ASKED])
def test_an_ordinary_question_gets_the_numbers_that_pandas_gives(
    table: str, question: str, expected: Expected, tmp_path: Path
) -> None:
    frame = bring(table, tmp_path)
    played = play(question, tmp_path)
    assert played.kernel.errors == []
    for wanted in expected(frame):
        assert shown(wanted) in played.answer, f"{shown(wanted)} is not in:\n{played.answer}"
    assert "no rule" not in played.answer
    assert "没有能处理" not in played.answer


@pytest.mark.parametrize(
    ("table", "question"),
    [("员工.csv", "各部门平均工资"), ("订单.csv", "各省退货率"), ("员工.csv", "有没有异常值"), ("订单.csv", "描述一下数据")],
)
def test_a_chinese_answer_has_chinese_punctuation(table: str, question: str, tmp_path: Path) -> None:
    bring(table, tmp_path)
    for played in (play(question, tmp_path), react(question, tmp_path)):
        prose = [line for line in played.answer.splitlines() if not line.startswith("|")]
        assert not re.search(r"[\u4e00-\u9fff][,:;()?]|[,:;()?][\u4e00-\u9fff]", "\n".join(prose)), played.answer
        words = set(re.findall(r"[A-Za-z]{3,}", "\n".join(prose))) - {"csv"}
        assert words == set(), played.answer


@pytest.mark.parametrize(
    ("table", "question", "said"),
    [
        ("countries.csv", "gdp per capita by country", "“capita” is neither a column nor a value"),
        ("orders.csv", "how many orders were gift wrapped?", "“gift”, “wrapped” are neither"),
    ],
)
def test_a_word_that_nothing_fits_is_named_and_not_passed_over(table: str, question: str, said: str, tmp_path: Path) -> None:
    bring(table, tmp_path)
    assert said in play(question, tmp_path).answer


def test_an_extra_check_adds_one_line_and_no_table(tmp_path: Path) -> None:
    frame = bring("hospital_visits.csv", tmp_path)
    played = play("how many visits per insurance?", tmp_path)
    assert played.steps[-1]["title"] == "Missing and odd values in insurance"
    gone = frame.insurance.isna().sum()
    assert played.answer.splitlines()[-1].startswith(
        f"In all {len(frame)} rows, {gone} values are missing: insurance {gone}"
    )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("sum of 1/n for n from 1 to 10", "2.928968254"),
        ("sqrt(144) + 5", "17"),
        ("what's 20% tip on 58.40", "11.68"),
        ("1加到50等于多少", "1,275"),
        ("100以内的质数有哪些", "2、3、5、7、11"),
    ],
)
def test_a_formula_is_read_whole(question: str, expected: str, tmp_path: Path) -> None:
    assert expected in react(question, tmp_path).answer
