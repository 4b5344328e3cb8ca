"""What lies unread in a node's subscriptions, though its executor was not told of it."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.subscription import Subscription


def take_unread(node: Node) -> None:
    """Call the subscriptions' callbacks with what has come and was not taken.

    An EventsExecutor takes only what the middleware told it of. On a busy machine, once in some
    hundred starts, a subscription that was just made never gave the one latched message that had
    been published; other executors look for themselves. Only for the executor's own thread.

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
