"""The overview's patterns are packed for a model and a prompt, not for a click."""

from minigpt.checkpoint import load_checkpoint
from minigpt.interpret.reading.prompt import read_prompt
from pages.head_explorer.study import packed_patterns


def test_patterns_are_packed_once_for_a_model_and_a_prompt(models):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    found = load_checkpoint(path)

    def packed(checkpoint, prompt):
        reading = read_prompt(checkpoint.model, checkpoint.tokenizer, prompt)
        return packed_patterns(checkpoint, reading)

    first = packed(found, "the cat")
    assert packed(found, "the cat") is first
    assert packed(found, "the dog").parcel.digest != first.parcel.digest
    assert packed(load_checkpoint(path), "the cat") is not first
