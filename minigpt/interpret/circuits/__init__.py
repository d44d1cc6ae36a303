"""The few parts of a model that carry one answer, found by attribution and proven."""
