"""What a bag holds, in words, and whether that is what a system needs."""

from __future__ import annotations

from collections.abc import Mapping

from .bag import Bag
from .errors import BagError


def listing(topics: Mapping[str, str]) -> str:
    """Topics in one line, as `name (type)`, from their types by name."""
    return ", ".join(f"{name} ({kind})" for name, kind in sorted(topics.items())) or "none"


def require(bag: Bag, found: Mapping[str, str], needed: Mapping[str, str]) -> None:
    """Make sure that a bag has what a system observes.

    Args:
        bag: The bag.
        found: Message types such as `sensor_msgs/msg/Image`, by the names under which the bag's
            topics are used.
        needed: The same, of what the system observes.

    Raises:
        BagError: It has not; lists what is needed and what there is.
    """
    missing = {name: kind for name, kind in needed.items() if found.get(name) != kind}
    if missing:
        raise BagError(
            f"{bag.path}: expected what the system observes, {listing(missing)}; "
            f"found {listing(found)}"
        )
