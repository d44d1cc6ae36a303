"""How a weight learns: the loss of one prompt, its gradient, and one step against it."""
