"""Publishing bytes without the interpreter lock.

rclpy holds the lock while it copies, serialises and sends a message: about 0.6 ms per megabyte, in
which no other thread of the process runs Python. A control loop beside it is late by as much. The
same library called through ctypes is called without the lock, on the bytes where they are.
"""

from __future__ import annotations

import array
import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from rclpy.publisher import Publisher
from rclpy.type_support import check_for_type_support
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.compat import message_functions, publisher_pointer
from pamiq_ros.transport.payload import Buffer

_PROBE = b"probe"
_PROBE_OFFSET = 7


class _Sequence(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
    )


class _Message(ctypes.Structure):
    """std_msgs__msg__UInt8MultiArray, as rosidl generates it for C."""

    _fields_ = (
        ("dim", _Sequence),
        ("data_offset", ctypes.c_uint32),
        ("data", _Sequence),
        # Newer ROS versions have flags at the end of a sequence; zeros mean plain memory.
        ("flags", ctypes.c_uint8 * 64),
    )


class _ErrorString(ctypes.Structure):
    """rcutils_error_string_t."""

    _fields_ = (("text", ctypes.c_char * 1024),)


def bytes_publisher(publisher: Publisher[UInt8MultiArray]) -> Callable[[Buffer], None]:
    """A function that publishes bytes as a `UInt8MultiArray`; any thread.

    The bytes are read during the call alone. Where the middleware's library can't be called
    directly, or has another idea of the message's memory, rclpy publishes them.
    """
    libraries = _libraries()
    if libraries is None or publisher_pointer(publisher) is None or not _is_as_expected():
        # Only an array.array is taken without a check of every element.
        return lambda data: publisher.publish(UInt8MultiArray(data=array.array("B", data)))
    return _Unlocked(publisher, *libraries)


class _Unlocked:
    """Publishes through rcl."""

    def __init__(
        self, publisher: Publisher[UInt8MultiArray], rcl: ctypes.CDLL, rcutils: ctypes.CDLL
    ) -> None:
        self._publisher = publisher
        self._rcl, self._rcutils = rcl, rcutils

    def __call__(self, data: Buffer) -> None:
        """Publish.

        Raises:
            RuntimeError: The middleware refuses; says why.
        """
        source = np.frombuffer(data, np.uint8)
        message = _Message(data=_Sequence(source.ctypes.data, len(source), len(source)))
        with self._publisher.handle:  # not destroyed meanwhile
            pointer = publisher_pointer(self._publisher)
            returned = self._rcl.rcl_publish(pointer, ctypes.byref(message), None)
        if returned != 0:
            reason = self._rcutils.rcutils_get_error_string().text.decode(errors="replace")
            self._rcutils.rcutils_reset_error()
            raise RuntimeError(f"{self._publisher.topic_name}: {reason or returned}")


@cache
def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL] | None:
    """The libraries of rcl as rclpy has loaded them; None where they have other names."""
    try:
        rcl, rcutils = ctypes.CDLL("librcl.so"), ctypes.CDLL("librcutils.so")
        rcl.rcl_publish.argtypes = [ctypes.c_void_p] * 3
        rcl.rcl_publish.restype = ctypes.c_int
        rcutils.rcutils_get_error_string.restype = _ErrorString
    except (OSError, AttributeError):
        return None
    return rcl, rcutils


@cache
def _is_as_expected() -> bool:
    """Whether a message that rclpy makes lies in memory as `_Message` says."""
    check_for_type_support(UInt8MultiArray)  # loads it
    message = UInt8MultiArray(data=array.array("B", _PROBE))
    message.layout.data_offset = _PROBE_OFFSET
    if (capsules := message_functions(UInt8MultiArray)) is None:
        return False
    try:
        create = _function(capsules[0], ctypes.c_void_p)
        convert = _function(capsules[1], ctypes.c_bool, ctypes.py_object, ctypes.c_void_p)
        destroy = _function(capsules[2], None, ctypes.c_void_p)
    except (TypeError, ValueError):
        return False
    address = create()
    try:
        found = _Message.from_address(address)
        return bool(
            convert(message, address)
            and (found.dim.size, found.data_offset) == (0, _PROBE_OFFSET)
            and (found.data.size, found.data.capacity) == (len(_PROBE), len(_PROBE))
            and ctypes.string_at(found.data.data, len(_PROBE)) == _PROBE
        )
    finally:
        destroy(address)


def _function(capsule: object, returns: Any, *takes: Any) -> Any:
    """The C function that a capsule of rclpy's type support holds."""
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.argtypes, name_of.restype = [ctypes.py_object], ctypes.c_char_p
    pointer_of.argtypes, pointer_of.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    pointer = pointer_of(capsule, name_of(capsule))
    return ctypes.PYFUNCTYPE(returns, *takes)(pointer)
