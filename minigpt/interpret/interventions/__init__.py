"""Change a value inside the model, and measure what the change does."""
