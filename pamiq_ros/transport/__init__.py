"""How experience and weights travel: threads, batching, pacing, and the accounts of all of it.

Senders are given a callable that publishes bytes, receivers are handed the bytes that came: no
middleware is known here.
"""

from .experience_receiver import ExperienceReceiver
from .experience_sender import ExperienceCollector, ExperienceSender
from .slot_store import FOLDER as SHARED_MEMORY
from .slot_store import remove_leftovers
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
