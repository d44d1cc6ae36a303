"""A tokenizer looked into: its merges, its splits, the bytes of its tokens."""
