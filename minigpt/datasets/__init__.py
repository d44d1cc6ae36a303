"""Text, and how it becomes batches of tokens."""
