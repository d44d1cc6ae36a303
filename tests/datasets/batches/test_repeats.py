import torch

from minigpt.datasets.batches.repeats import ALPHABET, REPETITIONS, RepeatsFirst
from minigpt.datasets.batches.windows import WindowSampler


def sampler(steps: int = 3) -> RepeatsFirst:
    windows = WindowSampler(torch.arange(1000), context=39, batch_size=6, seed=7)
    return RepeatsFirst(windows, steps, torch.arange(100, 200))


def test_the_first_steps_repeat_a_few_random_tokens():
    inputs, labels = sampler().batch(0)
    whole = torch.cat([inputs, labels[:, -1:]], dim=1)
    period = 40 // REPETITIONS
    assert torch.equal(whole[:, period:], whole[:, :-period])
    assert all(len(row.unique()) <= ALPHABET for row in whole)
    assert int(whole.min()) >= 100
    assert int(whole.max()) < 200
    assert torch.equal(inputs[:, 1:], labels[:, :-1])


def test_afterwards_the_text_is_read_from_its_beginning():
    repeats = sampler()
    for step in (3, 4, 10):
        for ours, plain in zip(
            repeats.batch(step), repeats.sampler.batch(step - 3), strict=True
        ):
            assert torch.equal(ours, plain)


def test_a_batch_is_a_pure_function_of_the_step_and_shared_by_all_processes():
    whole = sampler().batch(1)[0]
    assert torch.equal(whole, sampler().batch(1)[0])
    assert not torch.equal(whole, sampler().batch(2)[0])
    shares = [sampler().batch(1, rank, 2)[0] for rank in range(2)]
    assert torch.equal(whole, torch.stack(shares, dim=1).flatten(0, 1))
