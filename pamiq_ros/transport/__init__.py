# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
