"""A stand-in for world_node."""

from stand_in.behaviour import be

be("world")
