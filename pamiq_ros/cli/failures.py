"""Why a command came to nothing, with the exit status that says so to a script."""

from __future__ import annotations

import os

import click


class Refused(click.ClickException):
    """The system said no; exit status 1."""

    exit_code = 1


class NoAnswer(click.ClickException):
    """No system answers, or it has fallen silent; exit status 3."""

    exit_code = 3


def nobody(namespace: str, waited_s: float, others: list[str]) -> NoAnswer:
    """There is no system to talk to.

    Args:
        namespace: Absolute namespace that was looked in.
        waited_s: How long, in s.
        others: Absolute namespaces that have one.
    """
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    text = f"no system answers in the namespace '{namespace}' on ROS_DOMAIN_ID {domain}"
    text += f" within {waited_s:g} s; "
    if others:
        found = ", ".join(f"'{other}'" for other in others)
        return NoAnswer(f"{text}there is one in {found}: see --namespace")
    name = namespace.strip("/")
    up, launch = (f" --namespace {name}", f" namespace:={name}") if name else ("", "")
    return NoAnswer(
        f"{text}start one with `pamiq-ros up SYSTEM{up}` or `ros2 launch pamiq_ros "
        f"continual.launch.py system:=SYSTEM{launch}`; one that `pamiq-ros` started on another "
        "machine is seen if ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET was set there"
    )
