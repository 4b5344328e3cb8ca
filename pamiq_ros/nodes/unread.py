"""What lies unread in a node's subscriptions, though its executor was not told of it."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.subscription import Subscription


def take_unread(node: Node) -> None:
    """Call the subscriptions' callbacks with what has come and was not taken.

    An EventsExecutor takes what it is told of. rmw_fastrtps counts the messages that came before
    it was asked to tell, and then begins to tell; one that comes in between is not told of, and a
    latched one may be the only one that ever comes. Only for the executor's own thread.

    Args:
        node: Whose subscriptions.
    """
    for subscription in list(node.subscriptions):
        with subscription.handle:
            while True:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
                if taken is None:
                    break
                with_info = subscription._callback_type is Subscription.CallbackType.WithMessageInfo
                subscription.callback(*(taken if with_info else taken[:1]))
