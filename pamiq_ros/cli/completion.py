"""Completion of commands, nodes and parameters at the console's prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .desk import Desk
from .failures import NoAnswer, Refused
from .node_parameters import NodeParameters, short_name

_PATIENCE_S = 1.0


class CommandCompleter(Completer):
    """Completes the word before the cursor; to be run in a thread, since it asks the nodes.

    Args:
        group: The commands.
        desk: The system whose nodes and parameters are completed.
    """

    def __init__(self, group: click.Group, desk: Desk) -> None:
        self._group = group
        self._parameters = NodeParameters(desk.client, _PATIENCE_S)
        self._names: dict[str, list[str]] = {}

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Everything that can stand where the cursor is."""
        *before, word = document.text_before_cursor.lstrip().split(" ")
        for candidate in self._candidates([b for b in before if b], word):
            if candidate.startswith(word):
                yield Completion(candidate, -len(word), display_meta=self._about(before, candidate))

    def _candidates(self, before: Sequence[str], word: str) -> list[str]:
        if not before or before == ["help"]:
            return sorted(self._group.commands)
        command = self._group.commands.get(before[0])
        if command is None:
            return []
        if word.startswith("-"):
            return [name for p in command.params for name in p.opts if name.startswith("--")]
        return self._of_params(before[1:], word) if before[0] == "params" else []

    def _of_params(self, before: Sequence[str], word: str) -> list[str]:
        try:
            if not before:
                nodes = self._parameters.nodes()
                # Both names are taken; the long ones are for who has begun to type one.
                return [short_name(node) for node in nodes] + (nodes if word else [])
            return self._names_of(self._parameters.node(before[0])) if len(before) == 1 else []
        except (NoAnswer, Refused):
            return []

    def _names_of(self, node: str) -> list[str]:
        if node not in self._names:  # a node of one name always has the same parameters
            self._names[node] = self._parameters.listed(node)
        return self._names[node]

    def _about(self, before: Sequence[str], candidate: str) -> str:
        command = None if before else self._group.commands.get(candidate)
        return "" if command is None else command.get_short_help_str(60)
