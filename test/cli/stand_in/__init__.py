"""Stand-ins for the nodes: they behave as the environment variable STAND_IN says."""
