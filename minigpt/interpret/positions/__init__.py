"""Tokens and positions as vectors: embeddings, position schemes, word order."""
