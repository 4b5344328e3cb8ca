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

"""Debug images do not change training."""

import pytest
import torch

from pamiq_ros.core import Recorder
from pamiq_ros.core.config import resolve_system
from pamiq_ros.core.seeding import seed_everything


class _Unseen(Recorder):
    """Requests no image."""


@pytest.mark.parametrize(("system", "side"), [("vae", 96), ("curiosity", 64)])
def test_whether_anybody_looks_changes_nothing_that_is_learnt(one_process, pictures, system, side):
    def weights(recorder):
        seed_everything(0)
        overrides = ["min_buffer_size=16", "seed=3"]
        resolved = resolve_system(system, overrides=overrides)
        loop = one_process(resolved.system, pictures(40, side, side))
        for trainer in loop.trainers.values():
            trainer.attach_recorder(recorder or loop.recording)
        loop.tick(40)
        loop.train(3)
        assert recorder or loop.recording.images
        return {name: model.export_parameters() for name, model in loop.models.data.items()}

    torch.testing.assert_close(weights(None), weights(_Unseen()), rtol=0, atol=0)
