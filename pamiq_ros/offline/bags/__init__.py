"""Recordings: reading bags of any kind and writing new ones. Needs no ROS.

`rosbags` knows the formats; this room adds what a robot's user needs beside them: files that were
cut off, one kind of error, and what a system needs of a bag.
"""

from .bag import Bag, BagError, Recorded, Topic, listing, require
from .mended import MendedPath, cut_at
from .playback import Playback
from .recorder import BagRecorder

__all__ = [
    "Bag",
    "BagError",
    "BagRecorder",
    "MendedPath",
    "Playback",
    "Recorded",
    "Topic",
    "cut_at",
    "listing",
    "require",
]
