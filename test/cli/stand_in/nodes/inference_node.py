"""A stand-in for inference_node."""

from stand_in.behaviour import be

be("inference")
