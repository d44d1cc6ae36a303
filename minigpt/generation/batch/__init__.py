"""Many texts at once, each what it would be alone: drafts, their cache, the steps."""
