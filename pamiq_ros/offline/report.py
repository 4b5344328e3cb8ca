# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The report of `pamiq-ros evaluate`: a table, JSON, and an HTML page with plots and images."""

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

Results = Mapping[str, Sequence[Mapping[str, MetricCurve]]]
"""By state and for each bag, the curves of all metrics by name."""

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


def as_json(results: Results, bags: Sequence[str]) -> dict[str, Any]:
    """Return the results as a JSON object with means and all values.

    Args:
        results: By state and for each bag, the curves of all metrics by name.
        bags: The bags' names.
    """
    return {
        "bags": list(bags),
        "states": {
            state: {
                name: {
                    "mean": mean_of(curves, name),
                    "courses": [
                        {"seconds": each[name].seconds, "values": each[name].values}
                        for each in curves
                        if name in each
                    ],
                }
                for name in metric_names(results)
            }
            for state, curves in results.items()
        },
    }


def metric_names(results: Results) -> list[str]:
    """Return the names of all metrics, in the order of their first value."""
    every = (name for curves in results.values() for each in curves for name in each)
    return list(dict.fromkeys(every))


def table(results: Results) -> list[tuple[str, list[tuple[float, bool]]]]:
    """Return for each metric its mean in each state, and whether it is the lowest."""
    rows = []
    for name in metric_names(results):
        means = [mean_of(curves, name) for curves in results.values()]
        best = min((mean for mean in means if math.isfinite(mean)), default=math.nan)
        rows.append((name, [(mean, mean == best) for mean in means]))
    return rows


def as_html(results: Results, title: str, bags: Sequence[str]) -> str:
    """Return the results as one self-contained HTML page.

    Args:
        results: By state and for each bag, the curves of all metrics by name.
        title: The page's title.
        bags: The bags' names.
    """
    from jinja2 import Environment  # takes a while to import

    page = Environment(autoescape=True).from_string(_PAGE)
    rows = [
        {"name": name, "cells": [{"text": f"{mean:.5g}", "best": best} for mean, best in cells]}
        for name, cells in table(results)
    ]
    metrics = [
        {
            "name": name,
            "plot": _plot(results, name, bags),
            "states": [
                {"name": state, "frames": _frames(curves, name)}
                for state, curves in results.items()
            ],
        }
        for name in metric_names(results)
    ]
    return page.render(title=title, bags=bags, states=list(results), rows=rows, metrics=metrics)


def _frames(
    curves: Sequence[Mapping[str, MetricCurve]], name: str
) -> list[tuple[str, list[dict[str, str]]]]:
    found: dict[str, list[Frame]] = {"Worst frames": [], "Best frames": []}
    for each in curves:
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


def _plot(results: Results, name: str, bags: Sequence[str]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for state, curves in results.items():
        for bag, each in zip(bags, curves, strict=True):
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
