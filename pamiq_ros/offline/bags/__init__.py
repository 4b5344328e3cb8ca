"""Read bags of all formats and write new ones, without ROS.

`rosbags` reads the formats. This package adds truncated files, one type of error, and the check
that a bag has the topics of a system.
"""

from .bag import Bag, BagError, Playback, Recorded, Topic, listing, require
from .mcap_recovery import RecoveredPath, truncated_at
from .recorder import BagRecorder

__all__ = [
    "Bag",
    "BagError",
    "BagRecorder",
    "Playback",
    "Recorded",
    "RecoveredPath",
    "Topic",
    "listing",
    "require",
    "truncated_at",
]
