"""Charts of an invented run, for the gallery."""

from collections.abc import Iterator

import numpy as np

from viz.probabilities import next_token_bars
from viz.training import GAUGES, gauge_chart, loss_curve
from viz.vega_lite import Figure

BASELINES = {"uniform": 4.17, "unigram": 3.31, "bigram": 2.47}


def invented_run(steps: int) -> list[dict]:
    generator = np.random.default_rng(0)
    records = []
    for step in range(1, steps + 1):
        loss = 1.4 + 2.8 * np.exp(-step / 400)
        records.append(
            {
                "kind": "step",
                "step": step,
                "loss": loss + generator.normal(0, 0.12),
                "average_loss": loss,
                "learning_rate": 3e-4 * min(step / 200, 1),
                "gradient_norm": abs(generator.normal(1, 0.2)),
                "tokens_per_second": generator.normal(21_000, 500),
            }
        )
        if step % 250 == 0:
            records.append({"kind": "evaluation", "step": step, "loss": loss + 0.08})
    return records


def charts() -> Iterator[Figure]:
    records = invented_run(3000)
    yield loss_curve(records, BASELINES)
    yield loss_curve(records, BASELINES, log_x=True)
    for gauge in GAUGES:
        yield gauge_chart(records, gauge)
    yield next_token_bars(
        [" the", " a", " a", "\n", "<b>"],
        [0.5, 0.2, 0.1, 0.1, 0.05],
        [0.7, 0.3, 0, 0, 0],
    )
