"""The nodes, one file each, thin: they wire topics, services and parameters to the other rooms."""
