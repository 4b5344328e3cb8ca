"""Experience and weights as bytes, and the threads that send and receive them.

Senders call a function that publishes bytes, receivers are called with bytes: nothing here knows
the middleware.
"""

from .experience_receiver import ExperienceReceiver
from .experience_sender import ExperienceCollector, ExperienceSender
from .shared_weights import FOLDER as SHARED_MEMORY
from .shared_weights import remove_leftovers
from .versions import VersionCounter
from .weights_receiver import WeightsReceiver
from .weights_sender import WeightsSender

__all__ = [
    "SHARED_MEMORY",
    "ExperienceCollector",
    "ExperienceReceiver",
    "ExperienceSender",
    "VersionCounter",
    "WeightsReceiver",
    "WeightsSender",
    "remove_leftovers",
]
