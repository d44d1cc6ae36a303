"""How a weight learns: grids of losses, gradients and weights; charts of steps."""
