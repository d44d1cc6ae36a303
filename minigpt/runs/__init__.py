"""A training run: a directory that one process writes and any process may read.

The directory is the only channel between a training process and its observers, so the
command line and the page see the same thing. In reading order: `files` (how two
processes share a file), `lock` (which process may write), `status` (the small file that
holds the run's current state), `ticket` (it waits for its turn), `checkpoints`, `store`
(the directory as an object), then what is read from a run's journal: `curves`,
`snapshots`, `step_time`, `race_results`, `learning_to_copy`. `time_spent` keeps how
long all of them took.

`minigpt.preparation` gathers what a run needs, `minigpt.worker` is the process that
trains, `minigpt.library` keeps the resulting models.
"""

from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore

__all__ = [
    "Run",
    "RunStatus",
    "RunStore",
]
