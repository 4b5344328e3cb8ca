"""What is wrong with a bag."""

from __future__ import annotations


class BagError(ValueError):
    """A bag can't be read or written; says which one, what was expected and what was found."""
