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

"""resolve_system: from a name and overrides to a System, its configuration and its digest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.core.config import ConfigurationError, built_in_systems, resolve_system

SOURCE = """
from dataclasses import dataclass
from typing import Any
from pamiq_ros.core import Agent, Environment, System

@dataclass
class Wheels:
    count: int = 4
    radius: float = 0.1

class Stay(Agent):
    def step(self, observation):
        return observation

def system(name: str, speed: float = 1.0, wheels: Wheels = Wheels(), layers: list[int] = [8, 8]):
    if speed < 0.0:
        raise RuntimeError(f"speed: expected 0 or more, found {speed:g}")
    made.append((name, speed, wheels, layers))
    return System(agent=Stay, environment=Environment)

def with_object(optimizer: Any = None):
    made.append(optimizer)
    return System(agent=Stay, environment=Environment)

def anything(**values): ...
def placed(a, /): ...
def no_system(): return 3

made = []
number = 3
"""


@pytest.fixture(scope="module")
def any_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "my_system.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_system.py"
    path.write_text(SOURCE)
    return path


def resolved(file, *overrides, config=""):
    return resolve_system(f"{file}:system", config, ["name=car", *overrides])


def test_defaults_then_file_then_overrides_in_their_order(file, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("speed: 2.0\nwheels:\n  count: 3\n")
    found = resolved(file, "wheels.radius=0.5", "speed=3", "speed=4", config=str(config))
    assert found.config == {
        "name": "car",
        "speed": 4.0,
        "wheels": {"count": 3, "radius": 0.5},
        "layers": [8, 8],
    }


def test_the_digest_depends_on_the_configuration_not_on_how_it_was_given(file, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("speed: 2\n")
    one, same = resolved(file, "speed=2.0"), resolved(file, config=str(config))
    assert one.digest == same.digest
    assert one.digest != resolved(file, "speed=2.5").digest
    assert len(one.digest) == 16 and int(one.digest, 16) >= 0


@settings(deadline=None)
@given(speed=st.floats(0.0, 1e30), name=st.text("abc_-", min_size=1))
def test_any_value_can_be_set(speed, name, any_file):
    found = resolve_system(f"{any_file}:system", "", [f"name='{name}'", f"speed={speed!r}"])
    assert found.config["speed"] == speed
    assert found.config["name"] == name


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("speed=fast", ("override 'speed=fast'", "Float")),
        ("sped=1", ("override 'sped=1'", "name, speed, wheels, layers")),
        ("wheels.colour=red", ("override 'wheels.colour=red'", "colour")),
        ("wheels=[1]", ("override 'wheels=[1]'",)),
        ("speed", ("expected 'key=value'",)),
        ("=1", ("expected 'key=value'",)),
        ("layers=[1", ("override 'layers=[1'",)),
        ("speed=-1", ("RuntimeError", "expected 0 or more, found -1")),
        ("name=${nothing}", ("nothing",)),
    ],
)
def test_an_error_names_the_wrong_override(file, override, words):
    with pytest.raises(ConfigurationError) as refused:
        resolved(file, override)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("callable_name", "words"),
    [
        ("system", ("expected a value for name",)),
        ("nothing", ("expected a callable 'nothing'", "NoneType")),
        ("number", ("expected a callable 'number'", "int")),
        ("anything", ("**values",)),
        ("placed", ("'a' can't be given by name",)),
        ("no_system", ("expected a System to be returned, found int",)),
    ],
)
def test_an_error_says_why_a_callable_is_no_system(file, callable_name, words):
    with pytest.raises(ConfigurationError) as refused:
        resolve_system(f"{file}:{callable_name}")
    for word in words:
        assert word in str(refused.value)


def test_an_error_says_why_a_module_cannot_be_imported(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise OSError('no camera')")
    with pytest.raises(ConfigurationError, match="OSError: no camera"):
        resolve_system(f"{broken}:system")
    with pytest.raises(ConfigurationError, match="can't be imported: ModuleNotFoundError"):
        resolve_system("there_is.no_such_module:system")
    with pytest.raises(ConfigurationError, match=f"expected one of {built_in_systems()[0]}"):
        resolve_system("no_such_system")


@pytest.mark.parametrize("text", ["- 1\n", "a: [", "wings: 2\n"])
def test_an_error_names_the_wrong_file(file, tmp_path, text):
    config = tmp_path / "config.yaml"
    config.write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.yaml"):
        resolved(file, config=str(config))


def test_objects_are_created_from_their_target(file):
    override = "optimizer={_target_: fractions.Fraction, numerator: 1, denominator: 3}"
    found = resolve_system(f"{file}:with_object", "", [override])
    assert found.config["optimizer"]["_target_"] == "fractions.Fraction"
    with pytest.raises(ConfigurationError, match="no_such"):
        resolve_system(f"{file}:with_object", "", ["optimizer={_target_: fractions.no_such}"])


@pytest.mark.parametrize("system", ["ppo", "curiosity"])
def test_an_old_name_of_a_setting_is_refused_with_the_new_one(system, tmp_path):
    with pytest.raises(ConfigurationError, match=r"override 'clip=0\.1': .*is called 'clip_range'"):
        resolve_system(system, overrides=["clip=0.1"])
    file = tmp_path / "settings.yaml"
    file.write_text("trace: 0.9")
    with pytest.raises(ConfigurationError, match=r"settings\.yaml': .*called 'gae_lambda' now"):
        resolve_system(system, str(file))
