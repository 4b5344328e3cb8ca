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

"""QoS profiles of rclpy and of bags, and the profiles for recording and replaying a topic."""

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
# Late subscribers need a whole weights version, in up to so many chunks.
_LATCHED_DEPTH = 4097


def to_bag(profile: QoSProfile) -> Qos:
    """Convert a publisher's profile to the metadata of a bag."""
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


def for_recording(offered: Sequence[QoSProfile]) -> QoSProfile:
    """Return the profile of a subscription that is compatible with all publishers of a topic."""
    reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in offered)
    latched = all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in offered)
    return _profile(reliable, latched)


def for_replay(recorded: Sequence[Qos]) -> QoSProfile:
    """Return the profile of a publisher that every subscriber of the recorded ones accepts.

    It is reliable if the bag has no profile, because every subscription accepts that.
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
