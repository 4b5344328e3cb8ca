"""The executables of the stand-ins, where `pamiq-ros` looks for those of the package."""
