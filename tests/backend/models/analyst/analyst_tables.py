"""The tables of the tests, as DataFrames and as the CSV files that a person would bring."""

from pathlib import Path

import numpy as np
import pandas as pd


def sales() -> pd.DataFrame:
    random = np.random.default_rng(7)
    months = pd.period_range("2023-01", "2024-12", freq="M").astype(str)
    rows = [
        (f"{month}-15", region, product, int(random.integers(1, 50)), round(float(random.uniform(2, 9)), 2))
        for month in months
        for region in ("North", "South", "East", "West")
        for product in ("Pen", "Ink", "Paper")
    ]
    frame = pd.DataFrame(rows, columns=["date", "region", "product", "units", "unit_price"])
    frame["revenue"] = (frame.units * frame.unit_price).round(2)
    frame.insert(0, "Order Id", range(1001, 1001 + len(frame)))
    return frame


def chinese() -> pd.DataFrame:
    random = np.random.default_rng(8)
    rows = [
        (f"2024年{month}月", area, product, int(random.integers(10, 90)), round(float(random.uniform(100, 900)), 1))
        for month in range(1, 13)
        for area in ("华东", "华北", "华南")
        for product in ("手机", "电脑")
    ]
    return pd.DataFrame(rows, columns=["月份", "地区", "产品", "销量", "销售额(万元)"])


def shops() -> pd.DataFrame:
    random = np.random.default_rng(9)
    rows = [
        (
            f"{at % 28 + 1:02d}.{at // 28 + 1:02d}.2024",
            ["Berlin", "Hamburg", "München"][at % 3],
            round(float(random.uniform(1000, 9000)), 2),
            int(random.integers(10, 200)),
        )
        for at in range(60)
    ]
    return pd.DataFrame(rows, columns=["Day", "City", "Turnover (€)", "Visitors"])


def readings() -> pd.DataFrame:
    random = np.random.default_rng(10)
    turn = np.sin(np.arange(240) / 24 * 6.28)
    frame = pd.DataFrame(
        {
            "timestamp": pd.date_range("2024-03-01", periods=240, freq="h").astype(str),
            "sensor": ["A1", "B2"] * 120,
            "temperature": (20 + 5 * turn + random.normal(0, 0.4, 240)).round(2),
            "humidity": (60 - 6 * turn + random.normal(0, 1, 240)).round(1),
        }
    )
    frame.loc[::7, "temperature"] = np.nan
    frame.loc[5, "humidity"] = 400
    return frame


def survey() -> pd.DataFrame:
    random = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "Respondent ID": range(1, 201),
            "Gender": random.choice(["Female", "Male"], 200, p=[0.55, 0.45]),
            "Age": random.integers(18, 70, 200),
            "Education": random.choice(["High school", "Bachelor", "Master"], 200),
            "Satisfaction": random.choice(["Very satisfied", "Satisfied", "Neutral", "Unsatisfied"], 200),
            "Score": random.integers(1, 11, 200),
        }
    )


def gdp() -> pd.DataFrame:
    countries = (
        ("China", 11000, 0.06, 1380),
        ("India", 2100, 0.065, 1320),
        ("Germany", 3400, 0.012, 82),
        ("Brazil", 1800, 0.005, 205),
    )
    rows = [
        (name, year, round(start * (1 + growth) ** (year - 2015), 1), people)
        for name, start, growth, people in countries
        for year in range(2015, 2024)
    ]
    return pd.DataFrame(rows, columns=["Country", "Year", "GDP (bn USD)", "Population (m)"])


def accounts() -> pd.DataFrame:
    random = np.random.default_rng(12)
    return pd.DataFrame(
        {
            "Account Name": [f"Firm {at}" for at in range(40)],
            "Segment": ["SMB", "Enterprise"] * 20,
            "Total Revenue ($)": random.uniform(1000, 90000, 40).round(2),
            "Growth Rate": random.uniform(-5, 30, 40).round(1),
            "Employees": random.integers(10, 5000, 40),
            "Founded": range(1980, 2020),
            "Country": [["US", "UK", "DE"][at % 3] for at in range(40)],
        }
    )


def staff() -> pd.DataFrame:
    random = np.random.default_rng(13)
    hired = pd.to_datetime("2010-01-01") + pd.to_timedelta(random.integers(0, 5000, 80), unit="D")
    return pd.DataFrame(
        {
            "Employee ID": random.integers(10000, 99999, 80),
            "Name": [f"Person {at}" for at in range(80)],
            "Department": random.choice(["Sales", "Engineering", "Support"], 80),
            "Salary": random.integers(30000, 120000, 80),
            "Years of service": random.integers(0, 30, 80),
            "Hire Date": hired.strftime("%m/%d/%Y"),
        }
    )


def quarters() -> pd.DataFrame:
    rows = [
        (f"{year}Q{quarter}", team, 100 * quarter + 10 * (year - 2022) + (5 if team == "Red" else 0))
        for year in (2022, 2023)
        for quarter in range(1, 5)
        for team in ("Red", "Blue")
    ]
    return pd.DataFrame(rows, columns=["Quarter", "Team", "Points scored"])


TABLES = {
    "sales": sales,
    "chinese": chinese,
    "shops": shops,
    "readings": readings,
    "survey": survey,
    "gdp": gdp,
    "accounts": accounts,
    "staff": staff,
    "quarters": quarters,
}


def write(name: str, folder: Path) -> pd.DataFrame:
    """Write a table as its CSV file; returns what is in it."""
    frame = TABLES[name]()
    match name:
        case "chinese":
            frame.to_csv(folder / "销售.csv", index=False, encoding="gbk")
        case "shops":
            frame.to_csv(folder / "shops.csv", index=False, sep=";", decimal=",")
        case "accounts":
            _messy(frame).to_csv(folder / "accounts.csv", index=False, encoding="utf-8-sig")
        case _:
            frame.to_csv(folder / f"{name}.csv", index=False)
    return frame


def _messy(frame: pd.DataFrame) -> pd.DataFrame:
    messy = frame.assign(
        **{
            "Total Revenue ($)": frame["Total Revenue ($)"].map("${:,.2f}".format),
            "Growth Rate": frame["Growth Rate"].map("{:.1f}%".format),
            "Employees": frame["Employees"].map("{:,}".format),
        }
    )
    return messy.rename(columns=lambda name: f" {name} ")
