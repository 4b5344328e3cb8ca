"""Topic sensors: which topic, and the tensor that an observation of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from ..interaction import Sensor
from .checks import check_names, check_size, check_topic
from .interface import Source, require_robot

_LARGEST_SIDE = 16384
_ENCODINGS = {
    "rgb8": (3, torch.uint8),
    "bgr8": (3, torch.uint8),
    "mono8": (1, torch.uint8),
    "mono16": (1, torch.int32),
    "32FC1": (1, torch.float32),
}


@dataclass(eq=False)
class TopicSensor(Sensor[Tensor]):
    """A sensor that reads the newest message of a topic.

    Attributes:
        topic: Topic name; a relative one is in the node's namespace.
    """

    topic: str
    _source: Source | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        check_topic(self, self.topic)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an observation."""
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of an observation."""
        return torch.float32

    @override
    def setup(self) -> None:
        """Open the topic on the process's robot.

        Raises:
            RuntimeError: No robot is attached.
        """
        super().setup()
        self._source = require_robot(self, self.topic).open_sensor(self)

    @override
    def read(self) -> Tensor:
        """The newest observation, of `shape` and `dtype`.

        Raises:
            ObservationError: Nothing was received yet, or it can't be converted.
            RuntimeError: The sensor is not set up.
        """
        if self._source is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        return self._source.read()

    @override
    def teardown(self) -> None:
        """Let go of the topic."""
        super().teardown()
        source, self._source = self._source, None
        if source is not None:
            source.close()


@dataclass(eq=False)
class ImageTopic(TopicSensor):
    """Pictures: sensor_msgs/Image, or CompressedImage on `<topic>/compressed`.

    An observation is [channels, height, width]: uint8 for rgb8, bgr8 (3 channels) and mono8 (1),
    int32 with the 16-bit number for mono16 (1; also reads 16UC1, so mm of a depth camera), float32
    for 32FC1 (1; m of most depth cameras).

    Attributes:
        topic: Topic name, without `/compressed`.
        height: Rows of an observation; pictures of another size are resized.
        width: Columns of an observation.
        encoding: rgb8, bgr8, mono8, mono16 or 32FC1.
        compressed: Whether to receive `<topic>/compressed` instead.
    """

    topic: str = "camera/image_raw"
    height: int = 96
    width: int = 96
    encoding: str = "rgb8"
    compressed: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "height", self.height, _LARGEST_SIDE)
        check_size(self, "width", self.width, _LARGEST_SIDE)
        if self.encoding not in _ENCODINGS:
            raise ValueError(
                f"ImageTopic: encoding: expected one of {', '.join(_ENCODINGS)}, "
                f"found {self.encoding!r}"
            )
        if not isinstance(self.compressed, bool):
            raise ValueError(f"ImageTopic: compressed: expected a bool, found {self.compressed!r}")

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (_ENCODINGS[self.encoding][0], self.height, self.width)

    @property
    @override
    def dtype(self) -> torch.dtype:
        return _ENCODINGS[self.encoding][1]


@dataclass(eq=False)
class LaserScanTopic(TopicSensor):
    """Ranges of sensor_msgs/LaserScan: float32 [beams] in m, in the scan's own order.

    All are finite and between the message's range_min and range_max. Nothing in range (inf) is
    range_max, something too close (-inf) is range_min, as REP 117 has it. No measurement (NaN, or a
    number below range_min such as the 0 of many drivers) is range_max: most drivers mean that
    nothing came back.

    Attributes:
        topic: Topic name.
        beams: Ranges in an observation; a scan of more is reduced by the nearest of each group, one
            of fewer repeats them.
    """

    topic: str = "scan"
    beams: int = 360

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "beams", self.beams)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (self.beams,)


@dataclass(eq=False)
class ImuTopic(TopicSensor):
    """sensor_msgs/Imu: float32 [10].

    In this order: orientation x, y, z, w (a quaternion); angular velocity x, y, z in rad/s; linear
    acceleration x, y, z in m/s².
    """

    topic: str = "imu/data"

    SHAPE: ClassVar[tuple[int, ...]] = (10,)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return self.SHAPE


@dataclass(eq=False)
class OdometryTopic(TopicSensor):
    """nav_msgs/Odometry: float32 [13].

    In this order: position x, y, z in m and orientation x, y, z, w (a quaternion) in the odometry
    frame; linear velocity x, y, z in m/s and angular velocity x, y, z in rad/s in the child frame.
    """

    topic: str = "odom"

    SHAPE: ClassVar[tuple[int, ...]] = (13,)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return self.SHAPE


@dataclass(eq=False)
class JointStateTopic(TopicSensor):
    """sensor_msgs/JointState: float32 [3, number of joints].

    The rows are position (rad or m), velocity (rad/s or m/s) and effort (N·m or N). What a robot
    does not measure (the field is empty, or NaN as ros2_control publishes it) is 0.

    Attributes:
        topic: Topic name.
        joints: Joint names, the order of the columns. A message without one of them is no
            observation.
    """

    topic: str = "joint_states"
    joints: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.joints = check_names(self, "joints", self.joints)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (3, len(self.joints))


@dataclass(eq=False)
class FloatArrayTopic(TopicSensor):
    """std_msgs/Float32MultiArray: float32 [size], the message's numbers in their order.

    Attributes:
        topic: Topic name.
        size: Numbers in an observation.
    """

    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "size", self.size)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (self.size,)
