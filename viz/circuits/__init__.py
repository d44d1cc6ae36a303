"""What heads move and how they are linked: maps of tokens, graphs of heads."""
