"""Axes: round steps over a range of numbers, and how wide words are. Pure.

Above: `drawing`, `slides`. Below: nothing.
"""

import math
from dataclasses import dataclass
from unicodedata import east_asian_width

__all__ = ("Scale", "short_figure", "shortened", "words_width")


@dataclass(frozen=True)
class Scale:
    """A range of numbers in round steps, laid over a length.

    Attributes:
        low: The number at the start.
        high: The number at the end.
        step: What lies between two ticks.
    """

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, numbers: list[float], *, with_zero: bool, ticks: int = 5) -> "Scale":
        """The scale that holds these numbers, with about so many ticks."""
        low, high = min(numbers), max(numbers)
        if with_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low <= abs(high) * 1e-12:
            low, high = (low - 1, high + 1) if not with_zero or high == 0 else (low, high)
        if high == low:
            high = low + max(abs(low), 1.0)
        rough = (high - low) / ticks
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)

    @property
    def ticks(self) -> list[float]:
        """Where the ticks stand; a zero is exactly 0."""
        count = round((self.high - self.low) / self.step)
        values = [self.low + number * self.step for number in range(count + 1)]
        return [0.0 if abs(value) < self.step * 1e-6 else value for value in values]

    def at(self, value: float) -> float:
        """Where the number lies, from 0 at the start to 1 at the end."""
        return (value - self.low) / (self.high - self.low)


def short_figure(value: float) -> str:
    """A number on an axis: 1,200, 15k, 2.5M."""
    for size, mark in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if mark == 'k' else size):,.4g}{mark}"
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.10g}" if abs(value) < 1 else f"{value:,.6g}"


def words_width(text: str) -> float:
    """How wide the text is in ems, about: a Chinese character is one, others are narrower."""
    return sum(1.0 if east_asian_width(c) in "WF" else 0.34 if c in "iljtfr.,:;'|! " else 0.58 for c in text)


def shortened(text: str, ems: float) -> str:
    """The text, cut to a width."""
    if words_width(text) <= ems:
        return text
    while text and words_width(text) > ems - 1:
        text = text[: -max(1, len(text) // 20)]
    return text.rstrip() + "…"
