"""A stand-in for training_node."""

from stand_in.behaviour import be

be("training")
