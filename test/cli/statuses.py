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

"""Statuses as the control node publishes them at several moments of a run."""

STARTING = {"state": "starting", "control": "a1", "uptime_s": 1.0, "nodes": {}}

ACTIVE = {
    "state": "active",
    "control": "a1",
    "uptime_s": 45.2,
    "nodes": {
        "pamiq_inference": {"state": "active", "restarts": 0},
        "pamiq_training": {"state": "active", "restarts": 1},
    },
    "last_error": "",
    "errors": [],
    "configuration_error": "",
    "report": {
        "system": "vae",
        "duration_s": 42.0,
        "inference": {
            "ticks": 1420,
            "rate_hz": 9.9987,
            "rate_set_hz": 10.0,
            "lateness_ms": {"p50": 0.084, "p99": 0.311, "max": 2.75},
            "compute_ms": {"p50": 3.92, "p99": 6.1, "max": 11.4},
            "observation_age_ms": {"p50": 12.3, "p99": 48.8},
            "weights_version": 12,
            "hold": "",
            "stops": 0,
        },
        "experience": {"frames": {"sent": 1420, "received": 1415, "lost": 0, "bytes": 39000000}},
        "buffers": {"frames": {"size": 1415, "capacity": 10000}},
        "training": {
            "updates": 2240,
            "weights_published": 13,
            "weights_version": 13,
            "metrics": {
                "reconstruction": {"first": 0.4123, "last": 0.1312, "newest": 0.1287},
                "kl": {"first": 0.0021, "last": 0.0153, "newest": 0.016},
            },
        },
        "actions": {"/cmd_vel": 1419},
        "restarts": {"inference": 0, "training": 1, "control": 0},
        "errors": [],
    },
}


def changed(**inference):
    """ACTIVE with other figures of the inference node."""
    report = {**ACTIVE["report"], "inference": {**ACTIVE["report"]["inference"], **inference}}
    return {**ACTIVE, "report": report}


STOPPED = changed(hold="waiting for weights", weights_version=0, stops=1)
FAILED = {
    **ACTIVE,
    "state": "error",
    "remedies": ["pamiq/resume has pamiq_inference try again"],
    "report": {
        **ACTIVE["report"],
        "errors": ["pamiq_inference: camera/image_raw: encoding '[smoke]' can't be converted " * 2],
    },
}
CROWDED = {
    **ACTIVE,
    "report": {
        **ACTIVE["report"],
        "experience": {f"buffer_{i}": {"sent": i} for i in range(5)},
        "buffers": {f"buffer_{i}": {"size": i, "capacity": None} for i in range(5)},
        "training": {"metrics": {f"loss_{i}": {"first": i, "last": 1.0} for i in range(9)}},
    },
}
