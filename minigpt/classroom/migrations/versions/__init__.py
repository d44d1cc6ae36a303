"""The steps, each in a file of its own that names the one before."""
