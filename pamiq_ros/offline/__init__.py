"""Systems on bags, in one process and without a graph: training and judging."""
