"""Latencies as an inline SVG chart. Its figures are in text beside it and in the table below it."""

import math
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from .latency import STEPS, Spread
from .markup import tag
from .names import namer

MOST_BARS = 15
_WIDTH, _LEFT, _RIGHT, _ROW, _BAR = 960, 190, 150, 30, 16
_TOP, _BOTTOM = 8, 30


def bars(interpreters: Sequence[dict[str, Any]]) -> Element:
    """A bar for each interpreter, its steps one after the other; the slowest first, `MOST_BARS` of them."""
    timed = [one for one in interpreters if any(step in one["milliseconds"] for step in STEPS)]
    timed.sort(key=_total, reverse=True)
    shown = timed[:MOST_BARS]
    longest = max((_total(one) for one in shown), default=0.0) or 1.0
    unit = tick(longest)
    end = math.ceil(longest / unit) * unit
    scale = (_WIDTH - _LEFT - _RIGHT) / end
    foot = _TOP + len(shown) * _ROW
    parts: list[Element] = []
    for number in range(round(end / unit) + 1):
        x = _LEFT + number * unit * scale
        parts.append(tag("line", class_="grid", x1=_n(x), x2=_n(x), y1=_n(_TOP), y2=_n(foot)))
        label = f"{number * unit:g}" + (" ms" if number * unit == end else "")
        parts.append(tag("text", label, class_="tick", x=_n(x), y=_n(foot + 18), text_anchor="middle"))
    name = namer(interpreters)
    for index, one in enumerate(shown):
        parts += _bar(one, name(one), _TOP + index * _ROW, scale)
    height = foot + _BOTTOM
    said = f"Start, invoke and stop of {len(shown)} interpreters in milliseconds; the figures are in the text"
    return tag(
        "svg",
        tag("title", said),
        parts,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label=said,
    )


def _bar(one: dict[str, Any], name: str, top: float, scale: float) -> list[Element]:
    middle = top + _ROW / 2 + 5
    parts = [
        tag(
            "text",
            _short(name),
            class_="who",
            x=_n(_LEFT - 12),
            y=_n(middle),
            text_anchor="end",
        )
    ]
    x = float(_LEFT)
    told = []
    for step in STEPS:
        took = one["milliseconds"].get(step)
        if took is None:
            continue
        width = took * scale
        y = _n(top + (_ROW - _BAR) / 2)
        # A hair's breadth between two steps, so that they part without their colours.
        drawn = max(width - 1.5, 0.5)
        parts.append(
            tag(
                "rect",
                tag("title", f"{step} {took:.0f} ms"),
                class_=step,
                x=_n(x),
                y=y,
                width=_n(drawn),
                height=_n(_BAR),
                rx="2",
            )
        )
        x += width
        told.append(f"{took:.0f}")
    parts.append(tag("text", " + ".join(told), class_="told", x=_n(x + 8), y=_n(middle)))
    return parts


def spread_lines(spreads: Sequence[Spread]) -> Element:
    """A line for each step: the median as a dot, to the 95th percentile thick, to the slowest thin."""
    longest = max((one.slowest for one in spreads), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts: list[Element] = []
    for index, one in enumerate(spreads):
        y = _TOP + index * _ROW + _ROW / 2
        median, most, slowest = (_LEFT + told * scale for told in (one.median, one.most, one.slowest))
        parts += [
            tag("text", one.step, class_="who", x=_n(_LEFT - 12), y=_n(y + 5), text_anchor="end"),
            tag("line", class_="thin", x1=_n(median), x2=_n(slowest), y1=_n(y), y2=_n(y)),
            tag("line", class_=f"thick {one.step}", x1=_n(median), x2=_n(most), y1=_n(y), y2=_n(y)),
            tag("circle", class_=one.step, cx=_n(median), cy=_n(y), r="6"),
            tag("text", f"{one.slowest:.0f} ms", class_="told", x=_n(slowest + 8), y=_n(y + 5)),
        ]
    height = _TOP * 2 + len(spreads) * _ROW
    said = "Median, 95th percentile and slowest of each step; the figures are in the table"
    return tag(
        "svg", tag("title", said), parts, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=said
    )


def tick(longest: float) -> float:
    """A round distance between two marks of an axis, so that there are three to seven."""
    power = 10.0 ** math.floor(math.log10(longest))
    return next(step * power for step in (0.2, 0.5, 1.0, 2.0) if longest / (step * power) <= 6)


def _total(one: dict[str, Any]) -> float:
    return float(sum(one["milliseconds"].get(step, 0.0) for step in STEPS))


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
