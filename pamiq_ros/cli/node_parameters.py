"""NodeParameters: the parameters of a system's nodes, read and set from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rcl_interfaces.msg import Parameter, ParameterDescriptor
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters

from .parameter_text import kind_text, parse_value, value_text
from .system_client import Refused, SystemClient

_PREFIX = "pamiq_"
_OF_ROS = ("qos_overrides.", "start_type_description_service")


def short_name(node: str) -> str:
    """A node's name without `pamiq_`, which is taken as well."""
    return node.removeprefix(_PREFIX)


@dataclass(frozen=True)
class ParameterRow:
    """One parameter as it is now.

    Attributes:
        name: Its name.
        value: Its value, as one would type it.
        kind: Type and limits, such as `double, 0 to 1000`.
        description: What it does, with its unit.
    """

    name: str
    value: str
    kind: str
    description: str


class NodeParameters:
    """Lists, reads and sets parameters.

    Args:
        client: The system.
        timeout: Longest to wait for each answer in s; None for 5 s.
    """

    def __init__(self, client: SystemClient, timeout: float | None = None) -> None:
        self._client = client
        self._timeout = timeout

    def node(self, name: str) -> str:
        """The full name of a node, which may be given without `pamiq_`.

        Raises:
            Refused: There is no such node in the system.
            NoAnswer: There is no system.
        """
        found = self.nodes()
        for candidate in (name, _PREFIX + name):
            if candidate in found:
                return candidate
        raise Refused(f"expected one of the nodes {', '.join(found)}, found {name!r}")

    def nodes(self) -> list[str]:
        """Names of the nodes.

        Raises:
            NoAnswer: There is no system.
        """
        if not self._client.nodes():
            self._client.wait_status(self._timeout)
        return self._client.nodes()

    def names(self, node: str) -> list[str]:
        """Names of a node's parameters.

        Args:
            node: Full name of the node.
        """
        answer = self._client.ask(
            ListParameters, f"{node}/list_parameters", ListParameters.Request(), self._timeout
        )
        return sorted(answer.result.names)

    def listed(self, node: str) -> list[str]:
        """Names of a node's parameters but those that ROS adds to each topic and node."""
        return [name for name in self.names(node) if not name.startswith(_OF_ROS)]

    def rows(self, node: str, names: Sequence[str]) -> list[ParameterRow]:
        """Parameters of a node, as they are now.

        Args:
            node: Full name of the node.
            names: Which ones.

        Raises:
            Refused: One of them is not there.
        """
        described = self._describe(node, names)
        request = GetParameters.Request(names=list(names))
        answer = self._client.ask(GetParameters, f"{node}/get_parameters", request, self._timeout)
        return [
            ParameterRow(name, value_text(value), kind_text(found), found.description)
            for name, value, found in zip(names, answer.values, described, strict=False)
        ]

    def set(self, node: str, name: str, text: str) -> ParameterRow:
        """Set a parameter.

        Args:
            node: Full name of the node.
            name: The parameter.
            text: The value as the user typed it.

        Returns:
            The parameter as it is then.

        Raises:
            ValueError: It is no value of the parameter's type.
            Refused: There is no such parameter, or the node does not take the value; says why.
        """
        described = self._describe(node, [name])[0]
        change = Parameter(name=name, value=parse_value(text, described))
        request = SetParameters.Request(parameters=[change])
        answer = self._client.ask(SetParameters, f"{node}/set_parameters", request, self._timeout)
        for result in answer.results:
            if not result.successful:
                raise Refused(result.reason or f"{node} refused {name} without a reason")
        return self.rows(node, [name])[0]

    def _describe(self, node: str, names: Sequence[str]) -> list[ParameterDescriptor]:
        known = self.names(node)
        for name in names:
            if name not in known:
                raise Refused(f"{node} has no parameter {name!r}; `params {node}` lists them")
        request = DescribeParameters.Request(names=list(names))
        path = f"{node}/describe_parameters"
        answer = self._client.ask(DescribeParameters, path, request, self._timeout)
        return list(answer.descriptors)
