"""What differs: between two models, between two texts, in weights and gradients."""
