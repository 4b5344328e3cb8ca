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

"""InteractionEventMixin: callbacks at the begin and end of interaction, also for composites."""

from __future__ import annotations

from ..state_persistence import PersistentParts
from ..thread import ThreadEventParts


class InteractionEventMixin:
    """An object with `setup` and `teardown`. Both do nothing unless overridden."""

    def setup(self) -> None:
        """Called once before the first tick."""

    def teardown(self) -> None:
        """Called once after the last tick."""


class InteractionParts(PersistentParts, ThreadEventParts, InteractionEventMixin):
    """Passes setup, teardown, pauses and states on to its parts."""

    def setup(self) -> None:
        """Set up every part."""
        super().setup()
        for part in self._parts().values():
            part.setup()

    def teardown(self) -> None:
        """Tear down every part."""
        super().teardown()
        for part in self._parts().values():
            part.teardown()
