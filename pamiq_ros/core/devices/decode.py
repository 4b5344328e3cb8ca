"""Messages to observations, one function for each topic sensor.

Each takes the message, its sensor, the topic's full name for errors, and `announce`, which tells
the user once that what arrives is not what the system expects and is adapted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CompressedImage, Image, Imu, JointState, LaserScan
from std_msgs.msg import Float32MultiArray
from torch import Tensor

from pamiq_ros.core.devices import (
    FloatArrayTopic,
    ImageTopic,
    ImuTopic,
    JointStateTopic,
    LaserScanTopic,
    ObservationError,
    OdometryTopic,
    TopicSensor,
)
from pamiq_ros.core.devices.planes import ImageError, fill_planes

Announce = Callable[[str], None]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decoder:
    """How a sensor's topic is received.

    Attributes:
        message_type: The topic's message class.
        decode: Makes the observation; raises ObservationError.
        suffix: What follows the sensor's topic name.
    """

    message_type: Any
    decode: Callable[[Any, Any, str, Announce], Tensor]
    suffix: str = ""


def decoder_for(sensor: TopicSensor) -> Decoder:
    """How the sensor's topic is received.

    Raises:
        TypeError: A class of sensor that is not known here.
    """
    if isinstance(sensor, ImageTopic) and sensor.compressed:
        return Decoder(CompressedImage, decode_image, "/compressed")
    for kind, decoder in _DECODERS.items():
        if isinstance(sensor, kind):
            return decoder
    known = ", ".join(kind.__name__ for kind in _DECODERS)
    raise TypeError(
        f"topic '{sensor.topic}': expected a sensor of {known}, found {type(sensor).__name__}"
    )


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A new tensor for an observation, in pinned memory where CUDA is in use: it will go there."""
    pinned = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.empty(shape, dtype=dtype, pin_memory=pinned)


def decode_image(message: Any, sensor: ImageTopic, topic: str, announce: Announce) -> Tensor:
    """Image or CompressedImage to [channels, height, width]; resized if it has another size."""
    tensor = empty(sensor.shape, sensor.dtype)
    try:
        height, width = fill_planes(message, sensor.encoding, tensor.numpy())
    except ImageError as error:
        found = message.format if sensor.compressed else message.encoding
        reason = f"encoding {str(found)[:40]!r} can't be converted to {sensor.encoding}: {error}"
        raise ObservationError(topic, reason) from error
    if (height, width) != (sensor.height, sensor.width):
        announce(
            f"pictures of {width}x{height} arrive, the system expects {sensor.width}x"
            f"{sensor.height}: they are resized"
        )
    return tensor


def decode_scan(message: Any, sensor: LaserScanTopic, topic: str, announce: Announce) -> Tensor:
    """LaserScan to [beams] in m, all between range_min and range_max."""
    nearest, farthest = float(message.range_min), float(message.range_max)
    if not (0.0 <= nearest < farthest < float("inf")):
        reason = f"expected 0 <= range_min < range_max, found {nearest} and {farthest}"
        raise ObservationError(topic, reason)
    found = np.array(message.ranges, dtype=np.float32)
    if len(found) == 0:
        raise ObservationError(topic, f"expected {sensor.beams} ranges, found none")
    ranges = np.clip(found, nearest, farthest)
    ranges[~(found >= nearest) & ~np.isneginf(found)] = farthest
    if len(ranges) != sensor.beams:
        announce(
            f"scans of {len(ranges)} beams arrive, the system expects {sensor.beams}: they are "
            "resampled"
        )
        ranges = _resample(ranges, sensor.beams)
    return torch.from_numpy(ranges)


def decode_imu(message: Any, sensor: ImuTopic, topic: str, announce: Announce) -> Tensor:
    """Imu to [10]: orientation, angular velocity, linear acceleration."""
    values = [
        *_xyzw(message.orientation),
        *_xyz(message.angular_velocity),
        *_xyz(message.linear_acceleration),
    ]
    return _finite(values, topic)


def decode_odometry(message: Any, sensor: OdometryTopic, topic: str, announce: Announce) -> Tensor:
    """Odometry to [13]: position, orientation, linear velocity, angular velocity."""
    pose, twist = message.pose.pose, message.twist.twist
    values = [
        *_xyz(pose.position),
        *_xyzw(pose.orientation),
        *_xyz(twist.linear),
        *_xyz(twist.angular),
    ]
    return _finite(values, topic)


def decode_joints(message: Any, sensor: JointStateTopic, topic: str, announce: Announce) -> Tensor:
    """JointState to [3, joints]: position, velocity, effort; 0 for what is not measured."""
    columns = {name: index for index, name in enumerate(message.name)}
    for joint in sensor.joints:
        if joint not in columns:
            found = ", ".join(list(columns)[:20]) or "none"
            raise ObservationError(topic, f"joint '{joint}' is missing; the message has {found}")
    order = [columns[joint] for joint in sensor.joints]
    rows = [
        _joint_row(getattr(message, field), field, len(message.name), order, topic)
        for field in ("position", "velocity", "effort")
    ]
    return torch.from_numpy(np.stack(rows))


def decode_floats(message: Any, sensor: FloatArrayTopic, topic: str, announce: Announce) -> Tensor:
    """Float32MultiArray to [size]."""
    if len(message.data) != sensor.size:
        raise ObservationError(topic, f"expected {sensor.size} numbers, found {len(message.data)}")
    return _finite(message.data, topic)


_DECODERS: dict[type[TopicSensor], Decoder] = {
    ImageTopic: Decoder(Image, decode_image),
    LaserScanTopic: Decoder(LaserScan, decode_scan),
    ImuTopic: Decoder(Imu, decode_imu),
    OdometryTopic: Decoder(Odometry, decode_odometry),
    JointStateTopic: Decoder(JointState, decode_joints),
    FloatArrayTopic: Decoder(Float32MultiArray, decode_floats),
}


def _resample(ranges: FloatArray, beams: int) -> FloatArray:
    firsts = np.arange(beams) * len(ranges) // beams
    if len(ranges) < beams:
        return ranges[firsts]
    # The nearest of each group, so that a thin obstacle is not lost.
    return np.asarray(np.minimum.reduceat(ranges, firsts), dtype=np.float32)


def _joint_row(
    values: Sequence[float], field: str, joints: int, order: list[int], topic: str
) -> FloatArray:
    if len(values) == 0:
        return np.zeros(len(order), dtype=np.float32)
    if len(values) != joints:
        reason = f"{field}: expected {joints} numbers or none, found {len(values)}"
        raise ObservationError(topic, reason)
    row = np.array(values, dtype=np.float32)[order]
    row[np.isnan(row)] = 0.0
    if not np.isfinite(row).all():
        raise ObservationError(topic, f"{field}: expected finite numbers, found inf")
    return row


def _finite(values: Sequence[float], topic: str) -> Tensor:
    array = np.array(values, dtype=np.float32)
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        reason = f"expected finite numbers, found {array[wrong[0]]} as number {wrong[0]}"
        raise ObservationError(topic, reason)
    return torch.from_numpy(array)


def _xyz(vector: Any) -> tuple[float, float, float]:
    return vector.x, vector.y, vector.z


def _xyzw(quaternion: Any) -> tuple[float, float, float, float]:
    return quaternion.x, quaternion.y, quaternion.z, quaternion.w
