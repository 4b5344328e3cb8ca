"""Train, evaluate and analyze on bags or in simulated worlds, in one process without nodes."""
