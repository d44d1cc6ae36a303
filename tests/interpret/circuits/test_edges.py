"""Edges: they add up, and are what autograd and the softmax itself say."""
