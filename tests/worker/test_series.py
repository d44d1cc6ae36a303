"""Several sizes, one after another: trained for real, stopped, resumed, predicted."""

import pytest
from patience import until

from minigpt.config import DataConfig
from minigpt.errors import RunError
from minigpt.runs import RunStore
from minigpt.runs.power_law import fit_power_law
from minigpt.worker import processes
from minigpt.worker.series import (
    find_series,
    resume_series,
    shared_config,
    start_fifth,
    start_series,
)

TINY = DataConfig(source="tales", tales_megabytes=0.05)
WIDTHS = (8, 16, 32)


def quick(steps=40):
    config = shared_config(TINY, steps)
    return config.replace(
        train=config.train.replace(batch_size=8, num_threads=1).to_dict()
    )


@pytest.fixture
def runs(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.mark.slow
def test_sizes_are_trained_in_a_row_by_one_process_and_the_fifth_after_the_guess(runs):
    series = start_series(runs, quick(), WIDTHS)
    assert processes.wait(series.runs[0], 300) == 0
    statuses = [run.status() for run in series.runs]
    assert [status.state for status in statuses] == ["finished"] * 3
    assert len({status.pid for status in statuses}) == 1
    weights = [status.num_parameters for status in statuses]
    assert weights == sorted(weights)
    losses = [status.best_loss for status in statuses]
    assert losses == sorted(losses, reverse=True)
    assert fit_power_law(weights, losses).slope < 0

    found = find_series(runs, runs.open(series.runs[1].id))
    assert [run.id for run in found.runs] == [run.id for run in series.runs]
    assert found.guess is None
    with pytest.raises(RunError, match="above 0"):
        start_fifth(runs, found, -1.0, 48)
    fifth = start_fifth(runs, found, 2.5, 48)
    assert processes.wait(fifth, 300) == 0
    found = find_series(runs, fifth)
    assert [run.id for run in found.runs][-1] == fifth.id
    assert found.guess == 2.5
    with pytest.raises(RunError, match="first one counts"):
        start_fifth(runs, found, 2.0, 48)


@pytest.mark.slow
def test_a_series_that_is_stopped_waits_and_goes_on_where_it_was(runs):
    series = start_series(runs, quick(20_000), WIDTHS[:2])
    first, second = series.runs
    until(lambda: first.status().step >= 3)
    first.request_stop()
    assert processes.wait(first, 120) == 0
    assert first.status().state == "stopped"
    assert second.status().state == "queued"
    for run in series.runs:
        config = run.config
        steps = first.status().step + 5
        train = config.train.replace(max_steps=steps, eval_interval=5)
        run.write_config(config.replace(train=train.to_dict()))
    resume_series(find_series(runs, first))
    assert processes.wait(first, 300) == 0
    assert [run.status().state for run in series.runs] == ["finished"] * 2
    with pytest.raises(RunError, match="have been trained"):
        resume_series(series)
