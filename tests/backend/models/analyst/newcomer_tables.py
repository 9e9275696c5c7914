"""The tables of a newcomer's questions: a shop, a clinic, an office, and the small files that trip a reader up."""

from pathlib import Path

import numpy as np
import pandas as pd


def shop() -> pd.DataFrame:
    random = np.random.default_rng(7)
    regions = (("North", 1000, 1.1), ("South", 800, 1.45), ("East", 1200, 0.92), ("West", 600, 1.2))
    rows = [
        (f"{year}-{month:02d}-15", region, product, int(random.integers(5, 40)), round(start * factor * noise * size, 2))
        for year in (2023, 2024)
        for month in range(1, 13)
        for region, start, growth in regions
        for product, size in (("Laptop", 1.5), ("Phone", 1.0), ("Tablet", 0.6))
        for factor, noise in ((growth if year == 2024 else 1, random.uniform(0.8, 1.2)),)
    ]
    return pd.DataFrame(rows, columns=["date", "region", "product", "units", "revenue"])


def areas() -> pd.DataFrame:
    random = np.random.default_rng(8)
    rows = [
        (f"2024年{month}月", area, product, int(random.integers(10, 90)), round(start * random.uniform(0.8, 1.2), 1))
        for month in range(1, 13)
        for area, start in (("华东", 480), ("华南", 400), ("华北", 330), ("西南", 230))
        for product in ("手机", "电脑")
    ]
    return pd.DataFrame(rows, columns=["月份", "地区", "产品", "销量", "销售额"])


def patients() -> pd.DataFrame:
    random, n = np.random.default_rng(9), 120
    height = random.normal(170, 9, n).round(1)
    frame = pd.DataFrame(
        {
            "Patient ID": [f"P{1000 + at}" for at in range(n)],
            "Department": random.choice(["Cardio", "cardio ", "Neuro", "Ortho"], n),
            "Age": ["-" if at % 17 == 0 else "N/A" if at % 13 == 0 else str(20 + at % 60) for at in range(n)],
            "Height (cm)": height,
            "Weight (kg)": (height - 100 + random.normal(0, 6, n)).round(1),
            "Cost": random.uniform(200, 9000, n).round(2),
        }
    )
    frame.loc[5, "Weight (kg)"] = 720.0
    frame.loc[9, "Height (cm)"] = -1
    frame.loc[::11, "Cost"] = np.nan
    return frame


def office() -> pd.DataFrame:
    random, n = np.random.default_rng(10), 80
    years = random.integers(0, 25, n)
    return pd.DataFrame(
        {
            "employee_id": range(1001, 1001 + n),
            "department": random.choice(["Sales", "Engineering", "HR"], n),
            "gender": random.choice(["F", "M"], n),
            "years_experience": years,
            "salary": (42_000 + 1800 * years + random.normal(0, 5000, n)).astype(int),
            "bonus_pct": random.uniform(0, 20, n).round(1),
            "hire_year": 2024 - years,
            "remote": random.choice(["yes", "no"], n),
        }
    )


FRAMES = {"sales.csv": shop, "销售.csv": areas, "patients.csv": patients, "employees.csv": office}
TEXTS = {
    "c1.csv": "dept,cost\nCardio,10\nCardio,20\ncardio ,100\nNeuro,5\n",
    "c2.csv": "dept,cost\ncardio,100\nCardio,10\nCardio,20\n",
    "orders.csv": "order_id,zip,amount,paid\n1,01067,10.5,true\n2,01067,,false\n3,80331,1000,true\n4,80331,12,true\n",
    "dmy.csv": "date,store,sales\n03/04/2024,A,10\n05/04/2024,B,20\n13/04/2024,A,30\n01/05/2024,B,40\n",
    "pre.csv": "Report of shop 7\nexported 2024-05-01\n\ndate;item;amount\n2024-01-03;Tea;1 200,50\n"
    "2024-01-09;Coffee;800,00\n2024-02-01;Tea;950,25\nTotal;;2 950,75\n",
    "header.csv": "a,b\n",
    "x.json": '{"a":1}\n',
}


def lay(name: str, folder: Path) -> pd.DataFrame:
    """Write a file as the newcomer had it; returns what is in it, or nothing for a small text."""
    if name in TEXTS:
        (folder / name).write_text(TEXTS[name], encoding="utf-8")
        return pd.DataFrame()
    frame = FRAMES[name]()
    written = frame.copy()
    if name == "patients.csv":
        written["Cost"] = frame.Cost.map("${:,.2f}".format, na_action="ignore")
    if name == "employees.csv":
        written["bonus_pct"] = frame.bonus_pct.map("{:.1f}%".format)
    written.to_csv(folder / name, index=False, encoding="gbk" if name == "销售.csv" else "utf-8")
    return frame
