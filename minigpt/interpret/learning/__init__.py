"""How a weight learns: the loss of one prompt, its gradient, a step against it."""
