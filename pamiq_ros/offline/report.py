"""The report of `pamiq-ros evaluate`: one HTML file with plots and pictures, and JSON."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from .evaluation import Frame, MetricCurve, mean_of

Judged = Mapping[str, Sequence[Mapping[str, MetricCurve]]]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body { font-family: sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { padding: .3em 1em; border-bottom: 1px solid #ccc }
td { text-align: right } td:first-child, th:first-child { text-align: left }
td.best { font-weight: bold; background: #e6f4e6 } figure { display: inline-block; margin: .5em }
figcaption { font-size: 85% } img { max-width: 100%; image-rendering: auto }
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ bags | join(", ") }}. Means over all steps; less is better.</p>
<table><tr><th>metric</th>{% for state in states %}<th>{{ state }}</th>{% endfor %}</tr>
{% for row in rows %}<tr><td>{{ row.name }}</td>
{% for cell in row.cells %}<td{% if cell.best %} class="best"{% endif %}>{{ cell.text }}</td>
{% endfor %}</tr>{% endfor %}</table>
{% for metric in metrics %}<h2>{{ metric.name }}</h2>
<img alt="{{ metric.name }} over time" src="{{ metric.plot }}">
{% for state in metric.states %}{% for kind, frames in state.frames %}{% if frames %}
<h3>{{ kind }} of {{ state.name }}</h3>
{% for frame in frames %}<figure><img alt="" src="{{ frame.image }}">
<figcaption>{{ frame.text }}</figcaption></figure>{% endfor %}{% endif %}{% endfor %}{% endfor %}
{% endfor %}</body></html>
"""


def as_json(judged: Judged, bags: Sequence[str]) -> dict[str, Any]:
    """What was judged as a JSON object: means, extremes and each value.

    Args:
        judged: For each state the courses of all metrics, for each bag.
        bags: The bags' names.
    """
    return {
        "bags": list(bags),
        "states": {
            state: {
                name: {
                    "mean": mean_of(courses, name),
                    "courses": [
                        {"seconds": each[name].seconds, "values": each[name].values}
                        for each in courses
                        if name in each
                    ],
                }
                for name in metric_names(judged)
            }
            for state, courses in judged.items()
        },
    }


def metric_names(judged: Judged) -> list[str]:
    """The names of all metrics, in the order in which they came."""
    every = (name for courses in judged.values() for each in courses for name in each)
    return list(dict.fromkeys(every))


def table(judged: Judged) -> list[tuple[str, list[tuple[float, bool]]]]:
    """For each metric its mean in each state, and whether that is the best one."""
    rows = []
    for name in metric_names(judged):
        means = [mean_of(courses, name) for courses in judged.values()]
        best = min((mean for mean in means if math.isfinite(mean)), default=math.nan)
        rows.append((name, [(mean, mean == best) for mean in means]))
    return rows


def as_html(judged: Judged, title: str, bags: Sequence[str]) -> str:
    """What was judged as one HTML page that needs nothing else.

    Args:
        judged: For each state the courses of all metrics, for each bag.
        title: The page's title.
        bags: The bags' names.
    """
    from jinja2 import Environment  # these take a while to import

    page = Environment(autoescape=True).from_string(_PAGE)
    rows = [
        {"name": name, "cells": [{"text": f"{mean:.5g}", "best": best} for mean, best in cells]}
        for name, cells in table(judged)
    ]
    metrics = [
        {
            "name": name,
            "plot": _plot(judged, name, bags),
            "states": [
                {"name": state, "frames": _frames(courses, name)}
                for state, courses in judged.items()
            ],
        }
        for name in metric_names(judged)
    ]
    return page.render(title=title, bags=bags, states=list(judged), rows=rows, metrics=metrics)


def _frames(
    courses: Sequence[Mapping[str, MetricCurve]], name: str
) -> list[tuple[str, list[dict[str, str]]]]:
    found: dict[str, list[Frame]] = {"Worst frames": [], "Best frames": []}
    for each in courses:
        if name in each:
            found["Worst frames"] += each[name].worst
            found["Best frames"] += each[name].best
    return [
        (
            kind,
            [
                {"image": _picture(f.picture), "text": f"{f.seconds:.2f} s: {f.value:.5g}"}
                for f in sorted(frames, reverse=True)
                if f.picture is not None
            ],
        )
        for kind, frames in found.items()
    ]


def _plot(judged: Judged, name: str, bags: Sequence[str]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for state, courses in judged.items():
        for bag, each in zip(bags, courses, strict=True):
            if name in each:
                label = state if len(bags) == 1 else f"{state}, {bag}"
                axes.plot(each[name].seconds, each[name].values, label=label, linewidth=1)
    axes.set_xlabel("s from the bag's first message")
    axes.set_title(name, fontsize="medium")
    axes.set_ylim(bottom=0)
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return _embedded(file.getvalue())


def _picture(picture: Tensor) -> str:
    rgb = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    done, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    assert done
    return _embedded(data.tobytes())


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
