"""The residual stream: what each part adds to it, and what it predicts on the way."""
