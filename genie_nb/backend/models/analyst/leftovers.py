"""What is left of a clause once its columns, verbs and small words are taken out: perhaps names of values.

Above: `question`, `executor`. Below: `intents`, `matching`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence

from genie_nb.backend.models.analyst.intents import AGGREGATES, CHART_NAMES, CHARTS, INTENTS, PERIODS
from genie_nb.backend.models.analyst.matching import Mention

__all__ = ("leftover", "unresolved")

_SMALL = re.compile(
    r"\b(?:the|a|an|of|in|on|by|for|per|and|or|to|from|with|at|as|is|are|was|were|be|been|do|does|did|has|have|had|what|which|who|where|when|how"
    r"|much|many|give|me|us|show|tell|please|can|could|you|i|we|want|would|like|find|get|compute|calculate|determine|make|create|see|look|also"
    r"|then|each|every|all|any|there|that|this|these|those|it|its|them|their|our|my|than|between|across|over|under|during|within|grouped|broken|down"
    r"|split|sorted|ordered|file|sheet|worksheet|table|dataset|csv|data|rows?|records?|entries|values?|columns?|result|results|using|use|into|out|let|s|per"
    r"|first|last|same|about|now|instead|time|period|if|not|but|only|just|analy[sz]e|analysis|check|report|list|answer|question|level|levels|amount|across|respectively|people|persons?|employees?|respondents?|students?|orders?|customers?|users?|participants?|patients?|items?|staff"
    r"|different|excluding|exclude|except|without|leave|leaving|remove|ignore|ignoring|drop|besides|apart|rate|fast|fastest|slow|slowest|strong|strongest|up|down|so|far|more|less|highest|lowest|versus|vs|against|other|both|one|two|three)\b"
    r"|(?<![A-Za-z_\d.])\d[\d.,]*(?![A-Za-z_])",
    re.IGNORECASE,
)
_SMALL_CHINESE = re.compile(
    r"请问?|帮我|帮忙|给我|给出|告诉我|计算|分析一下|分析|统计|算一下|算出|查询|查找|列出|显示|展示|展现|生成|制作|一下|一张|一个|一幅|数据集?|文件|工作表|表格?|结果|情况|分别|所有|全部"
    r"|各个|每个|哪个|哪些|哪一个|哪种|什么|多少|怎么样|怎样|如何|是否|是不是|有没有|为什么|以及|还有|或者|之间|其中|里面|当中|整体|总体|公司|我们|我想|想要|需要|知道|可以|能否"
    r"|根据|按照|按|关于|对于|针对|排序|排列|分组|个月|年份|月份|日期|时间|速度|最快|最慢|第[一二三]|名单|员工|人员|世界|全国|全球|全年|花钱|卖得?|好|问题|最?后|成绩|分数|学生|同学|订单|记录|大家|占|高|低|大|小|多|少|前|后|年|月|日|天|元"
    r"|除去|除了|以外|之外|除|去掉|排除|剔除|不含|不包括|性|方面|部分|的|了|吗|呢|吧|是|有|在|和|与|及|或|为|把|将|被|从|到|由|于|中(?!国)|里|内|上(?!海)|下|个|各|每|哪|谁|几|这|那|该|其|比|跟|让|使|用|看|求|做|出|来|去|并|再|也|都|就|只|最|数|值|名|位|条|种|家|类|款",
)


# What a question may call a value that the file writes otherwise.
_ALIASES = (
    (r"\b(?:wom[ae]n|females?|girls?)\b|女(?:性|生|士|人)?", " Female F 女 "),
    (r"\b(?:m[ae]n|males?|boys?)\b|男(?:性|生|士|人)?", " Male M 男 "),
    ("中国", " 中国 China "), ("美国", " 美国 USA US "), ("印度", " 印度 India "), ("日本", " 日本 Japan "), ("德国", " 德国 Germany "),
    ("英国", " 英国 UK "), ("法国", " 法国 France "), ("巴西", " 巴西 Brazil "), ("北京", " 北京 Beijing "), ("上海", " 上海 Shanghai "),
    ("广州", " 广州 Guangzhou "), ("深圳", " 深圳 Shenzhen "), ("北部|北区", " 北部 North "), ("南部|南区", " 南部 South "),
    ("东部|东区", " 东部 East "), ("西部|西区", " 西部 West "),
)  # fmt: skip


def leftover(text: str, mentions: Sequence[Mention]) -> str:
    """The words of a text that no column, verb or small word took, with gaps as blanks."""
    for mention in mentions:
        text = text[: mention.start] + " " * (mention.end - mention.start) + text[mention.end :]
    for words_taken in (CHART_NAMES, *AGGREGATES.values(), *INTENTS.values(), *CHARTS.values(), *PERIODS.values()):
        text = words_taken.sub(lambda match: " " * len(match[0]), text)
    shouted = text.isupper()
    text = _SMALL.sub(lambda match: match[0] if _is_name(match) and not shouted else " ", text)
    text = re.sub(r"[·,，.。;；:：?？!！()（）、\"'“”‘’`~/\\<>=+*%$€£¥|-]+", " ", text)
    for pattern, words in _ALIASES:
        text = re.sub(pattern, words, text, flags=re.IGNORECASE)
    kept = [word for word in text.split() if _SMALL_CHINESE.sub("", word)]
    return " ".join(kept)


def _is_name(match: re.Match[str]) -> bool:
    """Whether a small word is written as a name: `US`, `IT`, or an `A` within the sentence."""
    word = match[0]
    return word.isalpha() and word.isupper() and (len(word) > 1 or (match.start() > 0 and word != "I"))


# What the rows of a table are called, and is no value in it.
_ROWS = re.compile(
    r"movies?|films?|games?|match(?:es)?|transactions?|visits?|products?|subjects?|days?|trips?|cases?|countries|cities|decades?|hires?|hired|[部场单笔只名]?(?:电影|影片|比赛|交易|病人|患者|客户|用户|产品|商品|科目)|[部场单笔只]"
)


def unresolved(loose: str, clause: str, found: Sequence[str], *, strict: bool = False) -> list[str]:
    """Words that look like names (capital letters, or a Chinese run) and were found nowhere; if strict, all words."""
    for _, words in _ALIASES:
        known = words.split()
        if any(word in found for word in known) or "F" in known or "M" in known:
            found = [*found, *known]
    for value in sorted(found, key=len, reverse=True):
        loose = re.sub(rf"(?<![A-Za-z]){re.escape(value)}(?:s|es)?(?![A-Za-z])", " ", loose, flags=re.IGNORECASE)
    names = []
    for word in loose.split():
        inner = re.sub(r"[A-Za-z]", "", _SMALL_CHINESE.sub(" ", word)).strip()
        if re.search(r"[\u4e00-\u9fff]", word):
            names += [run for run in inner.split() if len(run) > 1]
        elif (_named(word, clause) or (strict and len(word) > 3)) and word in clause:
            names.append(word)
    return [name for name in names if not _ROWS.fullmatch(_SMALL_CHINESE.sub("", name).lower())]


def _named(word: str, clause: str) -> bool:
    if not word.isascii() or len(word) < 3:
        return False
    if re.search(
        rf"\b(?:in|for|of|from|at|by|per|total|average|mean|which)\s+(?:the\s+|total\s+)?{re.escape(word)}\b",
        clause,
        re.IGNORECASE,
    ):
        return True
    if re.match(rf"\s*(?:the\s+)?{re.escape(word)}\s+(?:rate\s+)?(?:by|per|over time)\b", clause, re.IGNORECASE):
        return True
    return word[:1].isupper() and not clause.lstrip().startswith(word)
