"""A report with everything in it, in Chinese, and pictures for it."""

import io
import json
from typing import Any

from matplotlib.figure import Figure

__all__ = ("BAR", "SAMPLE", "chart", "png")


def chart(**spec: Any) -> str:
    """A chart's block."""
    return f"```chart\n{json.dumps(spec, ensure_ascii=False)}\n```"


BAR = chart(type="bar", title="各地区营收", x=["华东", "华北"], series={"2024": [4400, 3300]}, unit="万元")
LINE = chart(type="line", title="Trend", x=["2024-01", "2024-02", "2024-03"], series={"a": [1, None, 3], "b": [3, 2, 1]})
PIE = chart(type="pie", title="Shares", x=["A", "B"], series=[{"name": "s", "values": [3, 1]}])
SCATTER = chart(type="scatter", title="Points", x=[1, 2.5, 3], series={"shop": [3, 2, 1]}, x_title="price", y_title="units")
SAMPLE = f"""# 茶饮**报告**

全年营收 *1.28 亿元*，见 [来源](https://example.com/a)。

## 各地区

华东**最高。**其余较低。

{BAR}

| 地区 | 营收 |
| --- | ---: |
| 华东 | 4,400 |
| 华北 | 3,300 |

备注：先讲华东。

## Trends

- one
  1. inner
- two

{LINE}

{PIE}

### Points

{SCATTER}

![a picture](chart.png)

> quoted

```python
print("hi")
```
"""


def png() -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(file, dpi=40)
    return file.getvalue()
