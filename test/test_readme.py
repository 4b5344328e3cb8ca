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

"""The README shows the example that exists, links lead to files, the API reference is complete."""

import inspect
import re
from pathlib import Path

import pytest

from pamiq_ros import core

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]


def test_the_readme_shows_the_example_as_it_is():
    text = (ROOT / "README.md").read_text()
    shown = re.search(r"<!-- examples/my_system.py -->\n```python\n(.*?)\n```", text, re.DOTALL)
    assert shown is not None
    assert shown[1] == (ROOT / "examples" / "my_system.py").read_text().rstrip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_sensor_in_contributing_is_the_file_it_says():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = text.partition("```python\n")[2].partition("```")[0]
    file = (ROOT / "pamiq_ros/core/devices/range.py").read_text(encoding="utf-8")
    assert shown == file[file.index('"""') :]  # without the licence


def test_every_public_name_is_in_the_api_reference():
    pages = "\n".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.md"))
    documented = set(re.findall(r"^::: pamiq_ros\.core\.(\w+)$", pages, re.MULTILINE))
    public = {name for name in core.__all__ if not inspect.ismodule(getattr(core, name))}
    assert documented == public | {"checks", "state", "time"}
