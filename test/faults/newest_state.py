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

"""What is in the newest state of a node."""

from counting_system import steps

from pamiq_ros.checkpoints.store import is_state_id
from pamiq_ros.core.state import load_json, load_state_dict


def newest_state(states_dir, node):
    """The directory of the node's newest state; None while there is none."""
    folder = states_dir / node
    found = [path for path in folder.glob("*") if is_state_id(path.name)]
    return max(found, key=lambda path: path.name, default=None)


def facts(state):
    """What the manifest says of the moment."""
    return load_json(state / "manifest")["facts"]


def turn_of(state):
    """The turn that the policy of a learner's state commands."""
    [file] = (state / "models").iterdir()
    return load_state_dict(file)["bias"].item()


def numbers(state):
    """The numbers of the steps in a learner's buffer."""
    buffer = steps()
    buffer.load_state(state / "buffers" / "steps" / "buffer")
    return [step["number"] for step in buffer.get_data()]
