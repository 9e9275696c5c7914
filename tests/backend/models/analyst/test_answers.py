"""Questions over whole runs: the numbers in the answer are those that pandas gives here, independently."""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.backend.models.analyst.analyst_driver import play
from tests.backend.models.analyst.analyst_tables import write

Expected = Callable[[pd.DataFrame], list[object]]


def shown(value: object) -> str:
    """A number as the answers write it."""
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    if math.isclose(number, round(number), abs_tol=1e-9):
        text = f"{abs(round(number)):,}"
    else:
        text = f"{abs(number):,.2f}".rstrip("0").rstrip(".")
    return ("−" if number < 0 else "") + text


def by(frame: pd.DataFrame, group: str, measure: str, how: str = "sum") -> list[object]:
    found = frame.groupby(group)[measure].agg(how)
    return [item for name in found.index for item in (str(name), found[name])]


def best(frame: pd.DataFrame, group: str, measure: str, how: str = "sum") -> list[object]:
    found = frame.groupby(group)[measure].agg(how)
    return [f"**{found.idxmax()} has the highest", found.max()]


def growth(frame: pd.DataFrame, group: str, measure: str, time: str) -> list[object]:
    wide = frame.pivot_table(index=group, columns=time, values=measure, aggfunc="sum")
    change = (wide[wide.columns[-1]] / wide[wide.columns[0]] - 1) * 100
    return [
        str(change.idxmax()),
        f"{change.max():+.1f} %",
        wide.loc[change.idxmax()].iloc[0],
        wide.loc[change.idxmax()].iloc[-1],
    ]


def month(frame: pd.DataFrame) -> pd.Series:
    return frame.date.str[:7]


ENGLISH: list[tuple[str, str, Expected]] = [
    ("sales", "What is in this file?", lambda f: ["288 rows", "7 columns", "unit_price", "No values are missing"]),
    ("sales", "What is the total revenue by region?", lambda f: [*by(f, "region", "revenue"), f.revenue.sum()]),
    ("sales", "Give me the average unit price per product", lambda f: by(f, "product", "unit_price", "mean")),
    ("sales", "Which region sold the most units?", lambda f: best(f, "region", "units")),
    ("sales", "Which product has the lowest revenue?", lambda f: [f"**{f.groupby('product').revenue.sum().idxmin()} has the lowest", f.groupby("product").revenue.sum().min()]),
    ("sales", "Which region grew fastest?", lambda f: growth(f.assign(y=f.date.str[:4]), "region", "revenue", "y")),
    ("sales", "Compare North and South", lambda f: by(f[f.region.isin(["North", "South"])], "region", "revenue")),
    ("sales", "Is the average unit price higher in North or South?", lambda f: by(f[f.region.isin(["North", "South"])], "region", "unit_price", "mean")),
    ("sales", "correlation between units and unit price", lambda f: [f"r = {f.units.corr(f.unit_price):.2f}".replace("-", "−")]),
    ("sales", "revenue over time", lambda f: [f[month(f) == "2023-01"].revenue.sum(), f[month(f) == "2024-12"].revenue.sum()]),
    ("sales", "Which month had the highest revenue?", lambda f: best(f.assign(m=month(f)), "m", "revenue")),
    ("sales", "What is the revenue of North in March 2024?", lambda f: [f[(f.region == "North") & (month(f) == "2024-03")].revenue.sum()]),
    ("sales", "How many orders have revenue over 300?", lambda f: [int((f.revenue > 300).sum())]),
    ("sales", "what percentage of revenue comes from East?", lambda f: ["East accounts for", f"{100 * f[f.region == 'East'].revenue.sum() / f.revenue.sum():.1f} %"]),
    ("sales", "compare revenue in 2023 and 2024", lambda f: by(f.assign(y=f.date.str[:4]), "y", "revenue")),
    ("sales", "total units by product excluding Pen", lambda f: by(f[f["product"] != "Pen"], "product", "units")),
    ("sales", "What are the three best months by revenue in 2024?", lambda f: [*f[f.date.str[:4] == "2024"].groupby(month(f)).revenue.sum().nlargest(3)]),
    ("sales", "How many different products are there?", lambda f: ["3 different values", "Pen", "Ink", "Paper"]),
    ("sales", "total revenue between 2023 and 2023 by region", lambda f: by(f[f.date.str[:4] == "2023"], "region", "revenue")),
    ("sales", "total revenue in Q1 2024", lambda f: [f[month(f).isin(["2024-01", "2024-02", "2024-03"])].revenue.sum()]),
    ("shops", "Total turnover by city", lambda f: by(f, "City", "Turnover (€)")),
    ("shops", "average visitors per city", lambda f: by(f, "City", "Visitors", "mean")),
    ("shops", "turnover of Berlin in January 2024", lambda f: [f[(f.City == "Berlin") & f.Day.str.endswith(".01.2024")]["Turnover (€)"].sum()]),
    ("shops", "On which day was the turnover highest?", lambda f: [f["Turnover (€)"].max()]),
    ("shops", "correlation of turnover and visitors", lambda f: [f"r = {f['Turnover (€)'].corr(f.Visitors):.2f}".replace("-", "−")]),
    ("readings", "average temperature per day", lambda f: [*by(f, "timestamp", "temperature", "mean")[:0], *f.groupby(f.timestamp.str[:10]).temperature.mean()]),
    ("readings", "Which sensor has the highest average humidity?", lambda f: best(f, "sensor", "humidity", "mean")),
    ("readings", "missing values?", lambda f: [f"**{f.isna().sum().sum()} values are missing", "temperature 35 (14.6 %)"]),
    ("readings", "are there outliers in humidity?", lambda f: ["**Outliers", "humidity 1 (400)"]),
    ("readings", "maximum temperature", lambda f: [f.temperature.max(), f.loc[f.temperature.idxmax(), "timestamp"][:16]]),
    ("readings", "distribution of humidity", lambda f: [f.humidity.median(), f.humidity.mean(), f.humidity.min(), 400]),
    ("readings", "temperature of sensor A1 vs B2", lambda f: by(f, "sensor", "temperature", "mean")),
    ("survey", "How many respondents are there per gender?", lambda f: [*f.Gender.value_counts()]),
    ("survey", "Average score by education", lambda f: by(f, "Education", "Score", "mean")),
    ("survey", "What percentage of respondents are female?", lambda f: [f"{100 * (f.Gender == 'Female').mean():.1f} %".replace(".0 ", " "), int((f.Gender == "Female").sum())]),
    ("survey", "average age of men and women", lambda f: by(f, "Gender", "Age", "mean")),
    ("survey", "average score of female respondents with a master degree", lambda f: [f[(f.Gender == "Female") & (f.Education == "Master")].Score.mean()]),
    ("survey", "How many are very satisfied?", lambda f: [int((f.Satisfaction == "Very satisfied").sum())]),
    ("survey", "median score by gender", lambda f: by(f, "Gender", "Score", "median")),
    ("survey", "how many people are older than 50", lambda f: [int((f.Age > 50).sum())]),
    ("survey", "distribution of satisfaction", lambda f: [*f.Satisfaction.value_counts()]),
    ("gdp", "Which country grew fastest?", lambda f: growth(f, "Country", "GDP (bn USD)", "Year")),
    ("gdp", "GDP of China over time", lambda f: [11000, f[(f.Country == "China") & (f.Year == 2023)]["GDP (bn USD)"].sum(), "2015", "2023"]),
    ("gdp", "total GDP in 2020", lambda f: [f[f.Year == 2020]["GDP (bn USD)"].sum()]),
    ("gdp", "Top 2 countries by GDP in 2023", lambda f: ["China", "Germany", *f[f.Year == 2023]["GDP (bn USD)"].nlargest(2)]),
    ("gdp", "average population by country", lambda f: by(f, "Country", "Population (m)", "mean")),
    ("gdp", "GDP growth from 2018 to 2022 by country", lambda f: growth(f[f.Year.between(2018, 2022)], "Country", "GDP (bn USD)", "Year")),
    ("gdp", "which year had the highest total GDP?", lambda f: best(f, "Year", "GDP (bn USD)")),
    ("accounts", "total revenue by segment", lambda f: by(f, "Segment", "Total Revenue ($)")),
    ("accounts", "average growth rate by country", lambda f: by(f, "Country", "Growth Rate", "mean")),
    ("accounts", "top 5 accounts by revenue", lambda f: [*f.nlargest(5, "Total Revenue ($)")["Account Name"], *f["Total Revenue ($)"].nlargest(5)]),
    ("accounts", "How many employees in total?", lambda f: [f.Employees.sum()]),
    ("accounts", "how many accounts were founded after 2000?", lambda f: [int((f.Founded > 2000).sum())]),
    ("accounts", "average revenue in US and UK", lambda f: by(f[f.Country != "DE"], "Country", "Total Revenue ($)", "mean")),
    ("accounts", "lowest growth rate", lambda f: [f"{f['Growth Rate'].min()}%".replace("-", "−")]),
    ("staff", "average salary by department", lambda f: by(f, "Department", "Salary", "mean")),
    ("staff", "who has the highest salary?", lambda f: [f.Salary.max(), f.loc[f.Salary.idxmax(), "Name"]]),
    ("staff", "how many employees are in Sales?", lambda f: [int((f.Department == "Sales").sum())]),
    ("staff", "total Employee ID", lambda f: ["names things and is no quantity", int(f["Employee ID"].nunique())]),
    ("staff", "how many people were hired per year?", lambda f: [*f["Hire Date"].str[-4:].value_counts().sort_index().head(12)]),
    ("quarters", "points scored per quarter", lambda f: ["2022Q1", *f.groupby("Quarter")["Points scored"].sum()]),
    ("quarters", "Which team has more points?", lambda f: best(f, "Team", "Points scored")),
]  # fmt: skip

CHINESE: list[tuple[str, str, Expected]] = [
    ("chinese", "这个文件里有什么?", lambda f: ["72 行", "5 列", "没有缺失值"]),
    ("chinese", "各地区的销售额是多少?", lambda f: by(f, "地区", "销售额(万元)")),
    ("chinese", "哪个产品的销量最高?", lambda f: [f"**{f.groupby('产品').销量.sum().idxmax()}", f.groupby("产品").销量.sum().max()]),
    ("chinese", "华东和华北的销售额对比", lambda f: by(f[f.地区 != "华南"], "地区", "销售额(万元)")),
    ("chinese", "2024年3月华东的销售额", lambda f: [f[(f.月份 == "2024年3月") & (f.地区 == "华东")]["销售额(万元)"].sum()]),
    ("chinese", "销量和销售额的相关性", lambda f: [f"r = {f.销量.corr(f['销售额(万元)']):.2f}".replace("-", "−")]),
    ("chinese", "平均销售额按产品", lambda f: by(f, "产品", "销售额(万元)", "mean")),
    ("chinese", "哪个地区增长最快?", lambda f: growth(f[f.月份.isin(["2024年1月", "2024年12月"])].assign(m=f.月份.str.len()), "地区", "销售额(万元)", "m")),
    ("chinese", "有没有缺失值", lambda f: ["**没有缺失值"]),
    ("chinese", "total sales by region", lambda f: ["By 地区", *by(f, "地区", "销售额(万元)")]),
    ("sales", "各地区的销售额合计", lambda f: by(f, "region", "revenue")),
    ("sales", "销售额最高的2个产品", lambda f: [*f.groupby("product").revenue.sum().nlargest(2)]),
    ("staff", "哪个部门的平均工资最高", lambda f: [str(f.groupby("Department").Salary.mean().idxmax()), f.groupby("Department").Salary.mean().max()]),
    ("staff", "各部门的人数", lambda f: [*f.Department.value_counts()]),
    ("survey", "男女各多少人", lambda f: [*f.Gender.value_counts()]),
    ("survey", "按学历统计平均分", lambda f: by(f, "Education", "Score", "mean")),
    ("gdp", "中国的GDP增长了多少", lambda f: ["China", 11000, f[(f.Country == "China") & (f.Year == 2023)]["GDP (bn USD)"].sum()]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "question", "expected"), ENGLISH + CHINESE, ids=[f"{t}-{q}" for t, q, _ in ENGLISH + CHINESE]
)
def test_the_answer_holds_the_numbers_that_pandas_gives(
    table: str, question: str, expected: Expected, tmp_path: Path
) -> None:
    frame = write(table, tmp_path)
    played = play(question, tmp_path)
    assert played.kernel.errors == []
    for wanted in expected(frame):
        assert shown(wanted) in played.answer, f"{shown(wanted)} is not in:\n{played.answer}"
    assert played.answer.startswith("**")
    chinese = (table, question) in [(t, q) for t, q, _ in CHINESE] and not question.isascii()
    assert ("。" in played.answer) == chinese, played.answer
