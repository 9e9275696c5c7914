"""Computations that need no file: Python code for what a question asks of numbers, or the Python that it brings.

Above: `executor`. Below: nothing.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ("Computation", "given_code", "plain_value", "read_computation")


@dataclass(frozen=True)
class Computation:
    """A computation: its name in both languages and the Python whose last assignment is `value`."""

    english: str
    chinese: str
    code: str


_N = r"([-+]?\d[\d,]*(?:\.\d+)?)"
_I = r"(\d[\d,]*)"
_ENDLESS = re.compile(r"\d[\d,]{60}")
"""Digits without end: a list, or no number that a rule means; the rules would look at them again from each digit on."""
_ITEM = r"[-+]?\d++(?:\.\d++)?+"
_NEXT_ITEM = rf"(?=[\s,，、;；和])\s*+(?:[,，、;；]\s*+)?(?:and\b\s*+|和\s*+)?{_ITEM}"
"""Each character of a list is looked at once: `++` and `?+` give nothing back."""


def given_code(question: str) -> str:
    """The Python in a question: a fenced block, or inline code that is more than a name; empty without any."""
    if block := re.search(r"```(?:python|py)?[ \t]*\n(.*?)```", question, re.DOTALL | re.IGNORECASE):
        return block[1].strip("\n")
    for inline in re.findall(r"`([^`\n]+)`", question):
        tree = _parsed(inline, "exec")
        if tree is None:
            continue
        if any(
            isinstance(node, ast.Call | ast.BinOp | ast.Assign | ast.Import | ast.ListComp | ast.Compare)
            for node in ast.walk(tree)
        ):
            return str(inline)
    return ""


def _parsed(code: str, mode: str) -> ast.AST | None:
    """The tree of Python code, or None; the parser gives up on what is nested too deeply in more than one way."""
    try:
        return ast.parse(code, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def read_computation(question: str) -> Computation | None:
    """The computation that a question asks for, or None."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", re.sub(r"\s+", " ", question.strip()))
    return _statistics(text) or _expression(text) if _ENDLESS.search(text) else _read(text)


_SIGNS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
MOST_DIGITS, MOST_POWER = 30, 64
"""Numbers and powers larger than these are left to those who can run code."""


def plain_value(computation: Computation) -> float | None:
    """What a computation comes to that is one line of plain arithmetic; None for any other, and where it has no value."""
    tree = _parsed(computation.code.removeprefix("value = "), "eval")
    try:
        return _value(tree.body) if isinstance(tree, ast.Expression) else None
    except (ArithmeticError, ValueError, RecursionError):
        return None


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if abs(number) < 10**MOST_DIGITS:
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            one, other = _value(left), _value(right)
            if isinstance(sign, ast.Pow) and (abs(other) > MOST_POWER or (one < 0 and other != int(other))):
                raise ValueError("no power to compute here")
            return _value(ast.Constant(_SIGNS[type(sign)](one, other)))
    raise ValueError("no plain arithmetic")


def _read(text: str) -> Computation | None:
    powers = re.sub(rf"{_N}\s*(?:的?平方(?![根和])|\bsquared\b)", r"\1**2", text, flags=re.IGNORECASE)
    if powers.count("**2") > 1 and (computation := _expression(powers)) is not None:  # 3的平方加4的平方
        return computation
    if (computation := _formula(text)) is not None:
        return computation
    for pattern, build in _RULES:
        if match := re.search(pattern, text, re.IGNORECASE):
            computation = build(match)
            if computation is not None:
                rest = text[: match.start()] + text[match.end() :]
                return None if _MORE.search(rest) else computation  # half of a computation is a wrong one
    return _statistics(text) or _expression(text)


_MORE = re.compile(r"(?:\b(?:plus|minus|times|multiplied by|divided by)\b|[+*/×÷]|[加减乘]|除以)\s*[\d√]", re.IGNORECASE)
_FUNCTIONS = ["sqrt", "log", "log2", "log10", "exp", "sin", "cos", "tan", "factorial", "pi", "e", "abs", "round"]
_SERIES = re.compile(
    r"(?P<what>sum|product)\s+of\s+(?P<term>[\w\s.^*/+()-]{1,80}?)\s*,?\s*(?:for|as|where|with)\s+(?:all\s+)?(?P<name>[a-z])\s*(?:from|=|in|goes from|runs from|between)\s*"
    r"(?P<low>\d+)\s*(?:to|-|\.\.+|and|through|until)\s*(?P<high>\d+)",
    re.IGNORECASE,
)


def _formula(text: str) -> Computation | None:
    """`sum of 1/n for n from 1 to 10`, or a whole question that is a formula such as `sqrt(144) + 5`."""
    if series := _SERIES.search(text):
        name, term = series["name"], series["term"].replace("^", "**")
        term = re.sub(rf"(?<=\d)(?={re.escape(name)}\b)", "*", term)
        if _is_plain(term, {name}):
            what, low, high = series["what"].lower(), series["low"], series["high"]
            code = f"from math import *\n\nvalue = {'sum' if what == 'sum' else 'prod'}({term} for {name} in range({low}, {high} + 1))"
            return Computation(
                f"The {what} of {term} for {name} from {low} to {high}",
                f"{name} 从 {low} 到 {high} 的 {term} 之{'和' if what == 'sum' else '积'}",
                code,
            )
    alone = re.sub(
        r"^(?:what(?:'s| is)|calculate|compute|evaluate|计算|求|算)\s*|\s*(?:=\s*\??|\?|？|等于多少|是多少|。)\s*$",
        "",
        text,
        flags=re.IGNORECASE,
    )
    alone = alone.replace("^", "**")
    if "(" in alone and re.search("[a-z]", alone) and _is_plain(alone, set()):
        name = alone.replace("**", "^")
        return Computation(name, name, f"from math import *\n\nvalue = {alone}")
    return None


def _is_plain(formula: str, names: set[str]) -> bool:
    """Whether a formula is made of numbers, signs, these names and functions of `math`."""
    tree = _parsed(formula.strip(), "eval")
    if tree is None:
        return False
    kinds = (
        ast.Expression | ast.BinOp | ast.UnaryOp | ast.Constant | ast.operator | ast.unaryop | ast.Name | ast.Call | ast.Load
    )
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return all(isinstance(node, kinds) for node in ast.walk(tree)) and used <= names | set(_FUNCTIONS)


def _groups(match: re.Match[str]) -> list[str]:
    return [group.replace(",", "") for group in match.groups() if group is not None]


def _series(match: re.Match[str]) -> Computation | None:
    low, high = match["low"] or match["low2"] or "1", match["high"] or match["high2"]
    text = match[0].lower()
    kinds = (
        ("square", "平方", "number ** 2", "the squares of "),
        ("cube", "立方", "number ** 3", "the cubes of "),
        ("reciprocal", "倒数", "1 / number", "the reciprocals of "),
    )
    term, name, name_zh = "number", "", ""
    for english, chinese, expression, words in kinds:
        if english in text or chinese in text:
            term, name, name_zh = expression, words, chinese
    test = ""
    if re.search(r"\beven|偶", text):
        test, name, name_zh = " if number % 2 == 0", name + "the even numbers ", "偶数" + name_zh
    elif re.search(r"\bodd|奇", text):
        test, name, name_zh = " if number % 2", name + "the odd numbers ", "奇数" + name_zh
    elif re.search(r"\bprime|素数|质数", text):
        test, name, name_zh = (
            " if number > 1 and all(number % factor for factor in range(2, int(number**0.5) + 1))",
            name + "the primes ",
            "素数" + name_zh,
        )
    product = re.search(r"product|乘积|积", text) is not None
    mean = re.search(r"average|mean|平均", text) is not None
    terms = f"[{term} for number in range({low}, {high} + 1){test}]"
    if product:
        return Computation(
            f"The product of {name}{low} to {high}",
            f"{low} 到 {high} 的{name_zh}乘积",
            f"from math import prod\n\nterms = {terms}\nvalue = prod(terms)",
        )
    if mean:
        return Computation(
            f"The mean of {name}{low} to {high}",
            f"{low} 到 {high} 的{name_zh}平均值",
            f"terms = {terms}\nvalue = sum(terms) / len(terms)",
        )
    return Computation(
        f"The sum of {name}{low} to {high}", f"{low} 到 {high} 的{name_zh}和", f"terms = {terms}\nvalue = sum(terms)"
    )


def _compound(match: re.Match[str]) -> Computation:
    text = match.string
    amount, rate, years = match["amount"], match["rate"], match["years"]
    times, word = 1, ""
    for pattern, count, name in (
        (r"monthly|按月|每月", 12, "monthly"),
        (r"quarterly|按季", 4, "quarterly"),
        (r"daily|按日|每天", 365, "daily"),
        (r"semi-?annual|半年", 2, "half-yearly"),
    ):
        if re.search(pattern, text, re.IGNORECASE):
            times, word = count, f", compounded {name}"
    code = (
        f"amount, rate, years, times = {amount}, {rate} / 100, {years}, {times}\n"
        "final = amount * (1 + rate / times) ** (times * years)\n"
        'value = {"final amount": round(final, 2), "interest": round(final - amount, 2)}'
    )
    return Computation(
        f"{amount} at {rate} % compound interest for {years} years{word}",
        f"{amount} 按年利率 {rate}% 复利 {years} 年（期末金额与利息）",
        code,
    )


def _simple_interest(match: re.Match[str]) -> Computation:
    amount, rate, years = match["amount"], match["rate"], match["years"]
    code = f"amount, rate, years = {amount}, {rate} / 100, {years}\nvalue = round(amount * rate * years, 2)"
    return Computation(
        f"The simple interest of {amount} at {rate} % for {years} years", f"{amount} 按 {rate}% 单利 {years} 年的利息", code
    )


def _maths(english: str, chinese: str, code: str) -> Callable[[re.Match[str]], Computation]:
    def build(match: re.Match[str]) -> Computation:
        words = _groups(match)
        return Computation(english.format(*words), chinese.format(*words), code.format(*words))

    return build


_IS_PRIME = "def is_prime(number):\n    return number > 1 and all(number % factor for factor in range(2, int(number**0.5) + 1))\n\n\n"
_MONEY = r"(?:[$€£¥]\s*)?(?P<amount>\d+(?:\.\d+)?)\s*(?:元|dollars|euros?|usd|eur)?"
_TERMS = rf"{_MONEY}.{{0,100}}?(?P<rate>\d+(?:\.\d+)?)\s*(?:%|percent|per cent|％).{{0,100}}?(?P<years>\d+(?:\.\d+)?)\s*(?:years?|年)"

_RULES: tuple[tuple[str, Callable[[re.Match[str]], Computation | None]], ...] = (
    (rf"^(?=.*(?:simple interest|单利)).*?{_TERMS}", _simple_interest),
    (rf"^(?=.*(?:compound|复利|利滚利|invest|interest|saving|存入?|本金)).*?{_TERMS}", _compound),
    (
        r"(?:sum|total|product|average|mean|add(?: up| together)?)\b(?:(?!\b(?:column|row)s?\b)[^,;?]){0,60}?(?:from |between )?(?P<low>\d+)\s*(?:to|and|through|until|-|–|\.\.\.?)\s*(?P<high>\d+)(?:[^\d,]|$)"
        r"|(?:从\s*)?(?P<low2>\d+)\s*(?:加?到|至|~|-)\s*(?P<high2>\d+)[^,。;]{0,16}?(?:和|乘积|之积|平均|相加|累加|等于)",
        _series,
    ),
    (rf"(?:first|前)\s*{_I}\s*(?:个)?\s*(?:prime numbers?|primes|素数|质数)", _maths("The first {0} primes", "前 {0} 个素数", _IS_PRIME + "value, number = [], 2\nwhile len(value) < {0}:\n    if is_prime(number):\n        value.append(number)\n    number += 1")),
    (rf"(?:primes?|prime numbers?)\s*(?:.{{0,12}}?)between\s*{_I}\s*and\s*{_I}|{_I}\s*(?:到|至|-)\s*{_I}.{{0,8}}(?:素数|质数)", _maths("The primes from {0} to {1}", "{0} 到 {1} 的素数", _IS_PRIME + "value = [number for number in range({0}, {1} + 1) if is_prime(number)]")),
    (rf"(?:primes?|prime numbers?)\s*(?:.{{0,12}}?)(?:below|under|less than|smaller than)\s*{_I}|{_I}\s*(?:以内|以下).{{0,6}}(?:素数|质数)|小于\s*{_I}\s*的.{{0,4}}(?:素数|质数)", _maths("The primes below {0}", "{0} 以内的素数", _IS_PRIME + "value = [number for number in range(2, {0}) if is_prime(number)]")),
    (rf"(?:primes?|prime numbers?)\s*(?:.{{0,12}}?)(?:up to|until)\s*{_I}", _maths("The primes up to {0}", "{0} 以内的素数", _IS_PRIME + "value = [number for number in range(2, {0} + 1) if is_prime(number)]")),
    (rf"(?:is\s*{_I}\s*(?:a )?prime|{_I}\s*是(?:不是|否为?)?\s*(?:一个)?(?:素数|质数))", _maths("Is {0} prime", "{0} 是否为素数", _IS_PRIME + "value = is_prime({0})")),
    (rf"(?:prime factors?|factori[sz]e|factori[sz]ation|质因数|素因数|分解).*?{_I}|{_I}\s*的?(?:质因数|素因数)", _maths("The prime factors of {0}", "{0} 的质因数", "number, factor, value = {0}, 2, []\nwhile number > 1:\n    if number % factor:\n        factor += 1\n    else:\n        value.append(factor)\n        number //= factor")),
    (rf"factorial (?:of )?{_I}|{_I}\s*的?\s*阶乘|{_I}\s*!(?!=)|{_I} factorial", _maths("{0} factorial", "{0} 的阶乘", "from math import factorial\n\nvalue = factorial({0})")),
    (rf"(?:first|前)\s*{_I}\s*(?:个|项)?\s*(?:numbers of the )?(?:fibonacci|斐波那契)", _maths("The first {0} Fibonacci numbers", "前 {0} 个斐波那契数", "value, one, other = [], 0, 1\nfor _ in range({0}):\n    value.append(one)\n    one, other = other, one + other")),
    (rf"{_I}(?:st|nd|rd|th)\s*fibonacci|fibonacci.{{0,12}}?{_I}|斐波那契.{{0,10}}?第\s*{_I}|第\s*{_I}\s*个?斐波那契", _maths("Fibonacci number {0} (F(1) = F(2) = 1)", "第 {0} 个斐波那契数（F(1) = F(2) = 1）", "one, other = 0, 1\nfor _ in range({0}):\n    one, other = other, one + other\nvalue = one")),
    (rf"(?:gcd|greatest common divisor|最大公约数).*?{_I}\D+{_I}|{_I}\s*(?:和|与)\s*{_I}\s*的?最大公约数", _maths("The greatest common divisor of {0} and {1}", "{0} 和 {1} 的最大公约数", "from math import gcd\n\nvalue = gcd({0}, {1})")),
    (rf"(?:lcm|least common multiple|最小公倍数).*?{_I}\D+{_I}|{_I}\s*(?:和|与)\s*{_I}\s*的?最小公倍数", _maths("The least common multiple of {0} and {1}", "{0} 和 {1} 的最小公倍数", "from math import lcm\n\nvalue = lcm({0}, {1})")),
    (rf"(?:percent(?:age)? (?:change|increase|decrease|difference)|change in percent|growth rate)\D*?{_N}\D+?{_N}|从\s*{_N}\s*(?:增长|增加|上升|下降|减少|变)?到\s*{_N}.{{0,14}}(?:百分|%|增长率|涨幅|降幅|变化率)", _maths("The change from {0} to {1} in percent", "从 {0} 到 {1} 的变化百分比", "value = ({1} - {0}) / {0} * 100")),
    (rf"what (?:percent(?:age)?|%) (?:of|is)\s*{_N}\s*(?:is|of)\s*{_N}|{_N} (?:is|as) (?:what|a) percent(?:age)? of {_N}|{_N}\s*(?:是|占)\s*{_N}\s*的?(?:百分之几|百分之多少|多少百分比|几%)", lambda m: _part_of(m)),
    (rf"{_N}\s*(?:%|percent|％)\s*(?:tip |tax |discount )?(?:of|on|的)\s*{_N}", _maths("{0} % of {1}", "{1} 的 {0}%", "value = {0} / 100 * {1}")),
    (rf"{_N}\s*的\s*(?:百分之)?\s*{_N}\s*[%％]?(?=[^\d]*$)(?<=[%％\d])", lambda m: _maths("{1} % of {0}", "{0} 的 {1}%", "value = {0} * {1} / 100")(m) if re.search(r"%|％|百分之", m[0]) else None),
    (rf"(?:square root|sqrt)\D*?{_N}|{_N}\s*的?(?:平方根|开平方)|根号\s*{_N}", _maths("The square root of {0}", "{0} 的平方根", "from math import sqrt\n\nvalue = sqrt({0})")),
    (rf"{_N}\s*(?:to the power of|raised to(?: the power(?: of)?)?|的)\s*{_N}\s*(?:次方|次幂)?(?=\D*$)", lambda m: _maths("{0} to the power of {1}", "{0} 的 {1} 次方", "value = {0} ** {1}")(m) if re.search("power|raised|次", m[0]) else None),
    (rf"(?:square of|squared?)\s*{_N}|{_N}\s*(?:squared|的平方(?!根))", _maths("{0} squared", "{0} 的平方", "value = {0} ** 2")),
    (rf"{_N}\s*(?:°\s*)?(?:c|celsius|摄氏度?).{{0,10}}(?:f\b|fahrenheit|华氏)", _maths("{0} °C in °F", "{0} 摄氏度对应的华氏度", "value = {0} * 9 / 5 + 32")),
    (rf"{_N}\s*(?:°\s*)?(?:f|fahrenheit|华氏度?).{{0,10}}(?:c\b|celsius|摄氏)", _maths("{0} °F in °C", "{0} 华氏度对应的摄氏度", "value = ({0} - 32) * 5 / 9")),
    (r"(?:days?|天).*?(\d{4}-\d{1,2}-\d{1,2})\D+?(\d{4}-\d{1,2}-\d{1,2})|(\d{4}-\d{1,2}-\d{1,2})\D+?(\d{4}-\d{1,2}-\d{1,2}).*?(?:天|days)", _maths("The days from {0} to {1}", "从 {0} 到 {1} 的天数", 'from datetime import datetime\n\nstart, end = (datetime.strptime(day, "%Y-%m-%d") for day in ("{0}", "{1}"))\nvalue = (end - start).days')),
)  # fmt: skip


def _part_of(match: re.Match[str]) -> Computation:
    one, other = _groups(match)
    if re.match(r"what (?:percent(?:age)?|%) of", match[0], re.IGNORECASE):
        one, other = other, one
    return Computation(f"{one} as a percentage of {other}", f"{one} 占 {other} 的百分比", f"value = {one} / {other} * 100")


_STATISTICS = (
    (r"\b(?:average|mean)\b|平均", "mean", "The mean", "平均值", "statistics.mean(numbers)"),
    (r"\bmedian\b|中位数", "median", "The median", "中位数", "statistics.median(numbers)"),
    (
        r"\b(?:standard deviation|stdev|std)\b|标准差",
        "std",
        "The standard deviation (sample)",
        "标准差（样本）",
        "statistics.stdev(numbers)",
    ),
    (r"\bvariance\b|方差", "variance", "The variance (sample)", "方差（样本）", "statistics.variance(numbers)"),
    (r"\bmode\b|众数", "mode", "The mode", "众数", "statistics.mode(numbers)"),
    (r"\b(?:max|maximum|largest|biggest|highest)\b|最大", "max", "The largest", "最大值", "max(numbers)"),
    (r"\b(?:min|minimum|smallest|lowest)\b|最小", "min", "The smallest", "最小值", "min(numbers)"),
    (r"\bproduct\b|乘积|之积", "product", "The product", "乘积", "math.prod(numbers)"),
    (r"\bsort|order\b|排序|从小到大", "sorted", "In order", "排序后", "sorted(numbers)"),
    (r"\b(?:sum|total|add)\b|和|总计|合计|加起来", "sum", "The sum", "和", "sum(numbers)"),
)


def _statistics(text: str) -> Computation | None:
    """Statistics of a list of at least two numbers in the question; several at once."""
    listed = re.search(rf"(?<!\d){_ITEM}(?:{_NEXT_ITEM})++", text)
    if listed is None:
        return None
    numbers = re.findall(r"-?\d+(?:\.\d+)?", listed[0])
    rest = text.replace(listed[0], " ")
    wanted = [rule for rule in _STATISTICS if re.search(rule[0], rest, re.IGNORECASE)]
    if not wanted:
        return None
    if (
        len(wanted) > 1
        and wanted[-1][1] == "sum"
        and not re.search(r"\b(?:sum|total|add)\b|总和|之和|总计|合计", rest, re.IGNORECASE)
    ):
        wanted = wanted[:-1]  # 和 between two wishes is "and"
    code = f"import math\nimport statistics\n\nnumbers = [{', '.join(numbers)}]\n"
    if len(wanted) == 1:
        _, _, english, chinese, expression = wanted[0]
        shown = ", ".join(numbers[:12])
        return Computation(
            f"{english} of {shown}" if english != "In order" else english,
            f"{shown} 的{chinese}",
            f"{code}value = {expression}",
        )
    values = ", ".join(f'"{rule[1]}": {rule[4]}' for rule in wanted)
    return Computation("The statistics of the numbers", "这些数的统计量", f"{code}value = {{{values}}}")


_WORDS = (
    (r"\bplus\b|加上?", "+"), (r"\bminus\b|减去?", "-"), (r"\b(?:times|multiplied by)\b|乘以?|[×✕]", "*"),
    (r"\bdivided by\b|除以|÷", "/"), (r"\bmodulo\b|\bmod\b", "%"), (r"\^", "**"), (r"[(]", "("), (r"[)]", ")"),
)  # fmt: skip


def _expression(text: str) -> Computation | None:
    """A plain expression such as `2 + 3 * (4 - 1)`."""
    for pattern, sign in _WORDS:
        text = re.sub(pattern, f" {sign} " if sign not in "()" else sign, text, flags=re.IGNORECASE)
    candidates = [found.strip() for found in re.findall(r"[\d.()\s+*/%-]{3,}", text)]
    for candidate in sorted(candidates, key=len, reverse=True):
        tree = _parsed(candidate, "eval")
        if tree is None:
            continue
        plain = all(
            isinstance(node, ast.Expression | ast.BinOp | ast.UnaryOp | ast.Constant | ast.operator | ast.unaryop)
            for node in ast.walk(tree)
        )
        if (
            plain
            and any(isinstance(node, ast.BinOp) for node in ast.walk(tree))
            and not re.fullmatch(r"\d{4}-\d{1,2}(?:-\d{1,2})?", candidate)
        ):
            shown = re.sub(r"\s+", " ", candidate)
            name = shown.replace("**", "^")
            return Computation(name, name, f"value = {shown}")
    return None
