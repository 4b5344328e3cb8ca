"""QoS between rclpy and bags: what publishers offered, and what to ask for or to offer again."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

_DEPTH = 100
# A whole version of weights in chunks has to stay for who joins late.
_LATCHED_DEPTH = 4097


def to_bag(profile: QoSProfile) -> Qos:
    """A publisher's profile as a bag's metadata has it."""
    return Qos(
        history=QosHistory[profile.history.name],
        depth=profile.depth,
        reliability=QosReliability[profile.reliability.name],
        durability=QosDurability[profile.durability.name],
        deadline=_time(profile.deadline),
        lifespan=_time(profile.lifespan),
        liveliness=QosLiveliness[profile.liveliness.name],
        liveliness_lease_duration=_time(profile.liveliness_lease_duration),
        avoid_ros_namespace_conventions=profile.avoid_ros_namespace_conventions,
    )


def to_hear(offered: Sequence[QoSProfile]) -> QoSProfile:
    """What a subscription has to ask for to hear all of several publishers."""
    reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in offered)
    latched = all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in offered)
    return _profile(reliable, latched)


def to_offer(recorded: Sequence[Qos]) -> QoSProfile:
    """What a publisher has to offer so that whoever heard the recorded ones hears it.

    Reliable where nothing was recorded, since nobody refuses that.
    """
    reliable = not recorded or any(q.reliability == QosReliability.RELIABLE for q in recorded)
    latched = any(q.durability == QosDurability.TRANSIENT_LOCAL for q in recorded)
    return _profile(reliable, latched)


def _profile(reliable: bool, latched: bool) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_LATCHED_DEPTH if latched else _DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def _time(duration: Duration) -> QosTime:
    return QosTime(*divmod(duration.nanoseconds, 1_000_000_000))
