"""Byte pair encoding: the definition, then training, merging and files, made fast."""
