"""What fine-tuning changed: answers, weights, and the heads that answers need."""
