"""Text and tokens on disk: read block by block, split safely, fetched by name."""
