"""Trial: a process that makes a system once and says what is wrong with it.

Run as `python -m pamiq_ros.core.trial`, with the arguments of `resolve_system` as a JSON list on
the standard input. The last line of the output is a JSON string: the error, empty if there is none.
"""

from __future__ import annotations

import json
import sys

from .config import ConfigurationError, resolve_system


def main() -> None:
    """Answer on the standard output."""
    name, config_file, overrides = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # a system that prints must not answer for us
    try:
        resolve_system(name, config_file, overrides)
        found = ""
    except ConfigurationError as error:
        found = str(error)
    answers.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
