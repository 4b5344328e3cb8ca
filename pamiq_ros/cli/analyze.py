"""`pamiq-ros analyze`: how to normalise the channels of bags."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from .checks import check_bags, check_installed
from .offline import failures

_BARS = " ▁▂▃▄▅▆▇█"
_EXAMPLES = """\b
Examples:
  pamiq-ros analyze drive
  pamiq-ros analyze monday tuesday --output normalization.json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("bags", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="FILE", default="normalization.json", show_default=True,
    help="Where the specification goes.",
)  # fmt: skip
def analyze(bags: tuple[str, ...], output: str) -> None:
    """Learn from BAGS how to normalise each channel, and show histograms before and after.

    Channels are the numbers of sensors and velocity commands, and the colours of pictures. Each is
    constant, binary, categorical, normal, bounded, skewed (Box-Cox) or of another distribution
    (quantiles). Systems load the specification with `pamiq_ros.core.load_normalizer`.
    """
    check_installed(with_world=False)
    check_bags()
    from pamiq_ros.offline.analysis import analyze as run  # torch takes seconds to import

    with failures():
        findings = run([Path(bag) for bag in bags], Path(output), click.echo)
    width = max(len(found.channel.name) for found in findings)
    for topic, group in groupby(findings, lambda found: found.topic):
        click.echo(topic)
        for found in group:
            channel, before, after = found.channel, bars(found.before), bars(found.after)
            click.echo(f"  {channel.name:<{width}}  {channel.kind:<11}  |{before}|  |{after}|")
    click.echo(f"Written: {output}")


def bars(counts: Sequence[int]) -> str:
    """A histogram as one line of text."""
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)
