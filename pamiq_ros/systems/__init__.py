"""Ready-made systems: every module here is one, named by its own name, as in `pamiq-ros up vae`."""
