"""RunDirectory: a run's private folder, with the parameter files and perhaps the logs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pamiq_ros.bringup import NodeDescription

from .node_process import NodeProcess


class RunDirectory:
    """The folders of one run.

    Args:
        log_dir: Where the user wants the logs; None for the private folder.

    Attributes:
        log_dir: Where the logs go.
        keep_logs: Whether logs in the private folder stay.

    Raises:
        OSError: A folder can't be made.
    """

    def __init__(self, log_dir: Path | None) -> None:
        self._private = Path(tempfile.mkdtemp(prefix="pamiq_ros_"))
        self.keep_logs = False
        self._own_logs = log_dir is None
        self.log_dir = self._private / "log" if log_dir is None else log_dir.absolute()
        self.log_dir.mkdir(parents=True, exist_ok=True)

    @property
    def ros_log_dir(self) -> Path | None:
        """Where ROS's own logs go; None where the user chose that and no place for all logs."""
        if self._own_logs and os.environ.get("ROS_LOG_DIR"):
            return None
        return self.log_dir / "ros"

    def processes(
        self, nodes: Sequence[NodeDescription], environment: Mapping[str, str]
    ) -> list[NodeProcess]:
        """Prepare a process for each node.

        Args:
            nodes: The nodes.
            environment: All environment variables of the processes.
        """
        return [
            NodeProcess(
                node,
                self._command(node, node.name),
                environment,
                self.log_dir / f"{node.name}.log",
                self._command(node.restarted, f"{node.name}.restarted"),
            )
            for node in nodes
        ]

    def leave(self) -> bool:
        """Remove the private folder.

        Returns:
            Whether there are logs now.
        """
        has_logs = any(self.log_dir.glob("*.log"))
        if self._own_logs and self.keep_logs and has_logs:
            for path in self._private.glob("*.yaml"):
                path.unlink()
            return True
        shutil.rmtree(self._private)
        return has_logs and not self._own_logs

    def _command(self, node: NodeDescription, file: str) -> list[str]:
        parameters = self._private / f"{file}.yaml"
        parameters.write_text(node.parameters_yaml(), encoding="utf-8")
        module = f"{node.package}.nodes.{node.executable}"
        return [sys.executable, "-m", module, *node.ros_arguments(parameters)]
