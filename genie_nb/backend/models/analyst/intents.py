"""The words that say what is wanted: sums, tops, trends, charts, periods, conditions; English and Chinese.

Above: `question`, `clauses`. Below: nothing.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re

__all__ = (
    "AGGREGATES",
    "CHARTS",
    "CHART_NAMES",
    "INTENTS",
    "PERIODS",
    "TRIGGER",
    "has",
    "language_of",
    "number_word",
    "top_count",
)


def _words(english: str, chinese: str = "") -> re.Pattern[str]:
    parts = [rf"\b(?:{english})\b"] if english else []
    return re.compile("|".join([*parts, chinese] if chinese else parts), re.IGNORECASE)


AGGREGATES: dict[str, re.Pattern[str]] = {
    "sum": _words("totals?|sums?|overall|altogether|combined|how much|sum up", "总计|合计|总和|总额|总量|总数量|求和|一共|共计|汇总|累计|之和|总共|总(?=[销收成利产人营金支费订])|多少钱"),
    "mean": _words("averages?|means?|avg|typical|on average", "平均|均值|客单价|均价"),
    "median": _words("medians?", "中位数|中值"),
    "min": _words("min(?:imum)?s?|lowest value|smallest value", "最小值|最低值"),
    "max": _words("max(?:imum)?s?|highest value|largest value|peak", "最大值|最高值|峰值"),
    "std": _words("standard deviations?|std|variability|volatility|volatile", "标准差"),
    "count": _words("how many|counts?|number of|frequency|how often|numbers of|headcount|(?:most|least) (?:common|frequent|popular)", "多少(?:个|条|人|次|笔|种|家|名|位|单)|几(?:个|条|人|次|笔|种|家|名|位)|个数|次数|频数|计数|条数|人数|天数|订单数量?|单量|笔数|最常见|最受欢迎|人最[多少]|有多少"),
}  # fmt: skip

INTENTS: dict[str, re.Pattern[str]] = {
    "quality": _words(
        "missing|nulls?|nans?|empty|blanks?|incomplete|outliers?|anomal\\w+|odd|unusual|strange|suspicious|duplicates?|duplicated|quality"
        "|invalid|wrong values?|problems?|clean|negative values?",
        "缺失|空值|为空|异常|(?:什么|哪些)问题|有问题|离群|重复|质量|脏|不正常|错误值|奇怪|可疑|负值",
    ),
    "correlation": _words(
        "correlat\\w+|relationships?|related?|relation|depends?|associat\\w+|connection|linked|influences?|affects?",
        "相关|关系|关联|影响",
    ),
    "growth": _words(
        "grow(?:s|n|th|ing)?|grew|increas\\w+|rises?|rose|risen|declin\\w+|decreas\\w+|fell|dropp?(?:ed|s)?|shr[aiu]nk|yoy|mom"
        "|year[- ]over[- ]year|month[- ]over[- ]month|chang(?:e|ed|es)|gained|lost",
        "增长|增速|增幅|涨幅|上涨|下降|下跌|同比|环比|减少|增加|变化率|跌幅|降幅",
    ),
    "compare": _words("compar\\w+|\\w+er than|more expensive than|versus|vs\\.?|(?:\\w+ )?differences? (?:between|in)|gap|differs?|differ(?:ent)? from", "对比|比较|相比|差异|差别|差距|比(?=.{1,12}[高多低少大小贵快慢](?:了?多少|几|出))|相差|哪个更|谁更|比哪|比谁|谁.{0,6}[好多快高低大]"),
    "distribution": _words("distribut\\w+|histograms?|spread|quartiles?|percentiles?|skew\\w*", "分布|直方图|四分位|分位数"),
    "trend": _words(
        "trends?|over time|over the (?:years|months|weeks|days)|develop(?:ed|ment)?s?|evol\\w+|time series"
        "|month by month|year by year|day by day|history",
        "趋势|走势|随时间|逐[年月日季周]|变化|历年|波动",
    ),
    "top": _words(
        "top|best|peak (?=hour|day|week|month)|highest|largest|biggest|most|greatest|leading|maximum|max|warmest|hottest|wettest|rainiest|latest|newest|oldest|richest|busiest|longest|fastest"
        "|strongest|tallest|heaviest|rank(?:ed|ing|s)?|most expensive|more|higher|larger",
        "最高|最大|最多|最好|最佳|最贵|最强|最快|最长|最热|排名|排行|前[一二三四五六七八九十两\\d]+|更高|更多|更大|冠军|第一|最年长|最老|最受欢迎|最畅销|最热门",
    ),
    "bottom": _words(
        "bottom|worst|lowest|smallest|least|fewest|weakest|minimum|min|coldest|youngest|driest|poorest|shortest|slowest|cheapest|lightest"
        "|less|lower|fewer",
        "最低|最小|最少|最差|最便宜|最弱|最慢|最短|最冷|倒数|后[一二三四五六七八九十两\\d]+(?=[个名位条家种]|$)|更低|更少|垫底|最年轻",
    ),
    "share": _words("shares?|proportions?|percentages?|percent|fraction|what part|breakdown|ratio|rates?", "占比|比例|百分之几|(?<![频效概功税利汇])率|份额|百分比|占多少|构成"),
    "profile": _words(
        "what(?:'s| is| does) (?:is )?(?:in |inside |this |the (?:file|table|dataset|csv|data)\\b)|what(?:'s| is) this|overview|describe"
        "|summar(?:y|ise|ize|ies)|profile|explore|look at (?:the|this)|columns|fields|structure|schema|how many (?:rows|columns|records|lines|entries)"
        "|number of (?:rows|columns|records)|tell me about|introduce|first look|first (?:few )?rows|preview|head|sample|shape|what does .{0,40} contain|show me the (?:data|file|table)",
        "前几行|预览|概况|概览|概述|描述|介绍|有什么|是什么(?:数据|文件|内容|表)|什么内容|有哪些(?:列|字段|数据|内容)|多少[行列]|几[行列]|字段|看看|了解一下|总结|数据结构|里面|探索",
    ),
    "distinct": _words("how many (?:different|distinct|unique)|unique|distinct|list (?:all|the|of)|which .{1,30} are there|what .{1,30} are there|name (?:all|the)", "有哪些|哪几[个种家]|列出|不同的?(?=.{1,6}(?:数|有多少|几))|去重|种类数|多少种|几种"),
    "chart": _words("charts?|plot(?:s|ted)?|(?<!a )(?<!in )draw|graphs?|visuali[sz]\\w*|figure|diagram|picture|bars?|scatter", "图|画|绘制|可视化"),
}  # fmt: skip

CHARTS: dict[str, re.Pattern[str]] = {
    "pie": _words("pie|donut|doughnut", "饼图|饼状图|环形图"),
    "scatter": _words("scatter\\w*", "散点图?"),
    "hist": _words("hist(?:ogram)?s?", "直方图"),
    "box": _words("box ?plots?|box", "箱线图|箱型图|盒图"),
    "line": _words("line|lines", "折线图?|曲线图?"),
    "bar": _words("bars?|column chart", "柱状图?|条形图?|柱形图?"),
}

_FORMS_OF_CHART = "line|bar|pie|donut|doughnut|scatter|box|column|area|bubble|histogram"
CHART_NAMES = re.compile(
    rf"\b(?:stacked |grouped |horizontal )?(?:{_FORMS_OF_CHART})[- ]?(?:and[- ]whiskers? )?(?:charts?|plots?|graphs?|diagrams?|figures?)\b"
    rf"|(?<=\bas )(?:an? )?(?:{_FORMS_OF_CHART})s?\b|(?<=\bas a )(?:{_FORMS_OF_CHART})\b|(?<=\bdraw a |\bplot a )(?:{_FORMS_OF_CHART})\b"
    r"|(?:折线|曲线|线形|柱状|柱形|条形|饼状|饼形|饼|环形|散点|箱线|箱型|箱形|盒|面积|直方|气泡)图",
    re.IGNORECASE,
)
"""The names of forms of charts, of which no word is a column's."""

PERIODS: dict[str, re.Pattern[str]] = {
    "decade": _words("decades?", "年代"),
    "weekday": _words("weekdays?|days? of (?:the )?week", "星期几?|周几"),
    "hour": _words("hourly|hours? of (?:the )?day|(?:by|per|each|which|every|peak|busiest|\\w+est) hour", "每小时|按小时|小时段|哪个小时|各小时"),
    "quarter": _words("quarterly|(?:by|and|per|each|every|which|over|of the) quarters?|quarter by quarter|quarter over quarter|quarters", "每季度?|按季度?|各季度?|逐季|季度"),
    "month": _words("monthly|(?:by|and|per|each|every|which|over|what|of the|best|worst|last|first|peak|\\w+est) months?|months|month by month|month[- ]over[- ]month|mom|in (?:which|what) month", "每个?月|(?:[哪几前]|最[高低多少大小好差]的?)\\s*[几\\d两三四五六七八九十]*\\s*个?月|按月|各个?月|月度|逐月|环比|哪个?月|哪一个?月|月份|最[高低多少大小好差]的(?:那|一)?个?月"),
    "week": _words("weekly|(?:by|and|per|each|every|which) weeks?|week by week", "每周|按周|各周|周度|逐周|哪周"),
    "day": _words("daily|(?:by|and|per|each|every|which|what|best|worst|peak|\\w+est) (?:days?|dates?)|day by day", "每天|每日|按天|按日|各日|逐日|哪天|哪一天|日度|最[高低多少大小好差]的(?:那|一)?天"),
    "year": _words("yearly|annual(?:ly)?|(?:by|and|per|each|every|which|over the|what|of the|best|worst|\\w+est) years?|years|year by year|year[- ]over[- ]year|yoy", "每年|按年|各年|年度|逐年|同比|哪年|哪一年|历年|年均"),
}  # fmt: skip

TRIGGER = re.compile("|".join(p.pattern for p in (*AGGREGATES.values(), *INTENTS.values())), re.IGNORECASE)

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "twenty": 20, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "二十": 20,
}  # fmt: skip
_COUNT = rf"(\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_TOP_COUNT = (
    rf"\b(?:top|bottom|best|worst|first|last|highest|lowest|largest|smallest|biggest)[ -]{_COUNT}\b(?!\s*(?:%|percent))",
    rf"\b{_COUNT}\s+(?:\w+\s+)?(?:highest|lowest|largest|smallest|biggest|best|worst|most|least|cheapest|oldest|youngest|top|fastest|slowest|hottest|coldest)\b",
    rf"\b(?:which|what|the)\s+{_COUNT}\s+[a-z]+s\b",
    rf"(?:前|后|倒数|TOP)\s*第?{_COUNT}",
    rf"最[高低大小多少好差贵快慢长短热冷]的?\s*{_COUNT}\s*[\u4e00-\u9fff]",
)
_STOP = re.compile(
    r"\b(?:the|by|of|what|which|is|are|how|for|in|and|show|draw|plot|per|to|me|from|average|compare|chart)\b", re.IGNORECASE
)


def has(name: str, text: str) -> bool:
    """Whether a text has a word of that intent, aggregate, chart or period."""
    pattern = INTENTS.get(name) or AGGREGATES.get(name) or CHARTS.get(name) or PERIODS[name]
    return pattern.search(text) is not None


def number_word(word: str) -> int:
    """The number that a word or digits say."""
    return int(word) if word.isdigit() else _NUMBERS[word.lower()]


def top_count(text: str) -> int:
    """How many are asked for, or 0."""
    for pattern in _TOP_COUNT:
        if found := re.search(pattern, text, re.IGNORECASE):
            return number_word(found[1])
    return 0


def language_of(text: str) -> str:
    """`zh` for a question in Chinese, also with English names in it, else `en`."""
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text))
    return "zh" if chinese and len(_STOP.findall(text)) * 3 <= chinese else "en"
