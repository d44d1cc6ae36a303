"""Where a lesson's point is largest: for each lesson, a search on the model at hand."""
