"""WorldError: a world that can't be made or driven as asked."""


class WorldError(ValueError):
    """Says what was expected, what was found and where."""
