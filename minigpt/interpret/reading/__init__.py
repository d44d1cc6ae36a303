"""What a model read: a prompt, a text or an answer, with its activations."""
