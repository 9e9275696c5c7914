"""The tables of the ordinary questions: what people bring from offices, shops, schools, banks and statistics."""

from pathlib import Path

import numpy as np
import pandas as pd


def hr() -> pd.DataFrame:
    random, n = np.random.default_rng(21), 120
    return pd.DataFrame(
        {
            "emp_id": range(5001, 5001 + n),
            "gender": random.choice(["M", "F"], n),
            "dept": random.choice(["Sales", "Engineering", "Finance"], n),
            "annual_salary": random.integers(30_000, 150_000, n),
            "hire_date": (pd.Timestamp("2015-01-01") + pd.to_timedelta(random.integers(0, 3200, n), unit="D")).strftime(
                "%Y-%m-%d"
            ),
            "performance_rating": random.integers(1, 6, n),
            "attrition": random.choice(["Yes", "No"], n, p=[0.2, 0.8]),
            "age": random.integers(20, 65, n),
        }
    )


def visits() -> pd.DataFrame:
    random, n = np.random.default_rng(22), 150
    return pd.DataFrame(
        {
            "visit_id": range(1, n + 1),
            "admission_date": (pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 365, n), unit="D")).strftime(
                "%d/%m/%Y"
            ),
            "department": random.choice(["Cardiology", "Oncology", "ER"], n),
            "diagnosis": random.choice(["Flu", "Asthma", "Fracture"], n, p=[0.5, 0.3, 0.2]),
            "length_of_stay": random.integers(1, 20, n),
            "treatment_cost": random.uniform(1000, 9000, n).round(2),  # 1727.5 looks like a month of 1727
            "patient_age": random.integers(0, 95, n),
            "insurance": random.choice(["Public", "Private", None], n),
        }
    )


def orders() -> pd.DataFrame:
    random, n = np.random.default_rng(23), 200
    return pd.DataFrame(
        {
            "Order Number": [f"SO-{at}" for at in range(n)],
            "Order Date": (pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 365, n), unit="D")).strftime(
                "%m/%d/%Y"
            ),
            "Customer Name": random.choice(["Ann Lee", "Bob Ray", "Cara Diaz"], n),
            "Category": random.choice(["Electronics", "Clothing", "Home"], n),
            "Order Total": random.uniform(5, 2500, n).round(2),
            "Discount": random.integers(0, 30, n),
            "Zip": random.choice(["02139", "10001"], n),
            "Status": random.choice(["Delivered", "Returned", "Cancelled"], n, p=[0.7, 0.2, 0.1]),
        }
    )


def countries() -> pd.DataFrame:
    start = (("China", "Asia", 1200, 0.1, 1260), ("India", "Asia", 470, 0.08, 1050), ("Germany", "Europe", 1950, 0.02, 82))
    rows = [
        (name, continent, year, round(gdp * (1 + growth) ** (year - 2000), 1), round(people * 1.01 ** (year - 2000), 1))
        for name, continent, gdp, growth, people in start
        for year in range(2000, 2021)
    ]
    return pd.DataFrame(rows, columns=["country", "continent", "year", "gdp_billion", "population"])


def tourism() -> pd.DataFrame:
    rows = [("France", 100, 70, 85, 110), ("Spain", 80, 50, 60, 95), ("Italy", 90, 55, 77, 99)]
    return pd.DataFrame(rows, columns=["Country", "2019", "2020", "2021", "2022"])


def prices() -> pd.DataFrame:
    rows = [
        (str(month), name, round(start * growth**at + at % 3, 2))
        for name, start, growth in (("AAPL", 150, 1.03), ("MSFT", 300, 0.99), ("TSLA", 200, 1.01))
        for at, month in enumerate(pd.period_range("2023-01", "2023-12", freq="M"))
    ]
    return pd.DataFrame(rows, columns=["month", "company", "close"])


def bank() -> pd.DataFrame:
    random, n = np.random.default_rng(24), 160
    category = random.choice(["Food", "Housing", "Income"], n, p=[0.5, 0.3, 0.2])
    category[:2] = ["Food", "Income"]
    amount = np.where(category == "Income", 2500, -random.uniform(3, 900, n)).round(2)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(0, 366, n)), unit="D")
    return pd.DataFrame({"Date": days.strftime("%Y-%m-%d"), "Category": category, "Amount": amount})


def meter() -> pd.DataFrame:
    random, n = np.random.default_rng(25), 96 * 5
    hours = np.arange(n) % 96 / 4
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("2024-01-01", periods=n, freq="15min").strftime("%Y-%m-%d %H:%M:%S"),
            "kwh": (1 + np.exp(-((hours - 19) ** 2) / 6) + random.normal(0, 0.05, n)).round(3),
            "voltage": random.normal(230, 2, n).round(1),
            "meter": random.choice(["M1", "M2"], n),
        }
    )


def stockroom() -> pd.DataFrame:
    random, n = np.random.default_rng(26), 60
    return pd.DataFrame(
        {
            "SKU": [f"A-{at}" for at in range(n)],
            "product_name": [f"Thing {at}" for at in range(n)],
            "warehouse": random.choice(["East WH", "West WH"], n),
            "stock_qty": random.integers(0, 200, n),
            "reorder_level": random.integers(20, 80, n),
            "unit_cost": random.uniform(1, 90, n).round(2),
        }
    )


def likert() -> pd.DataFrame:
    random, n = np.random.default_rng(27), 90
    scale = ["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"]
    return pd.DataFrame(
        {
            "respondent": range(1, n + 1),
            "q1_easy_to_use": random.choice(scale, n),
            "q2_would_recommend": random.choice(scale, n),
        }
    )


def employees() -> pd.DataFrame:
    random, n = np.random.default_rng(28), 100
    years, months, days = (random.integers(low, high, n) for low, high in ((2012, 2024), (1, 13), (1, 28)))
    return pd.DataFrame(
        {
            "工号": range(1001, 1001 + n),
            "姓名": [f"员工{at}" for at in range(n)],
            "性别": random.choice(["男", "女"], n),
            "部门": random.choice(["销售部", "技术部", "财务部"], n),
            "学历": random.choice(["本科", "硕士", "博士"], n),
            "入职日期": [f"{year}年{month}月{day}日" for year, month, day in zip(years, months, days, strict=True)],
            "月薪": random.integers(5000, 40_000, n),
            "年龄": random.integers(22, 60, n),
        }
    )


def chinese_orders() -> pd.DataFrame:
    random, n = np.random.default_rng(29), 240
    return pd.DataFrame(
        {
            "订单编号": [f"D{at:05d}" for at in range(n)],
            "下单时间": (pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 24 * 545, n), unit="h")).strftime(
                "%Y/%m/%d %H:%M"
            ),
            "省份": random.choice(["广东", "浙江", "四川"], n),
            "商品类别": random.choice(["家电", "服装", "食品"], n),
            "订单金额": random.uniform(10, 5000, n).round(2),
            "数量": random.integers(1, 10, n),
            "是否退货": random.choice(["是", "否"], n, p=[0.15, 0.85]),
        }
    )


def marks() -> pd.DataFrame:
    random, n = np.random.default_rng(30), 50
    table = pd.DataFrame({"学生": [f"学{at}" for at in range(n)], "班级": random.choice(["一班", "二班"], n)})
    for subject in ("语文", "数学", "英语"):
        table[subject] = random.integers(40, 100, n)
    return table.assign(是否及格=random.choice(["及格", "不及格"], n, p=[0.8, 0.2]))


def people() -> pd.DataFrame:
    rows = [(name, *(round(start * 1.01**at, 1) for at in range(4))) for name, start in (("广东", 11500), ("山东", 10050))]
    return pd.DataFrame(rows, columns=["省份", "2020", "2021", "2022", "2023"])


TABLES = {
    "hr.csv": hr,
    "hospital_visits.csv": visits,
    "orders.csv": orders,
    "countries.csv": countries,
    "tourism.csv": tourism,
    "prices.csv": prices,
    "bank.csv": bank,
    "meter.csv": meter,
    "inventory.csv": stockroom,
    "survey.csv": likert,
    "员工.csv": employees,
    "订单.csv": chinese_orders,
    "成绩.csv": marks,
    "人口.csv": people,
}


def bring(name: str, folder: Path) -> pd.DataFrame:
    """Write a table as a person would have it; returns what is in it."""
    frame = TABLES[name]()
    written = frame.copy()
    if name == "orders.csv":
        written["Order Total"] = frame["Order Total"].map("${:,.2f}".format)
    if name == "订单.csv":
        written["订单金额"] = frame["订单金额"].map("￥{:,.2f}".format)
    written.to_csv(folder / name, index=False, encoding="gbk" if name in ("员工.csv", "订单.csv") else "utf-8")
    return frame
