"""What the weights of heads say without a text: what is moved where, and to whom."""
