"""A training run: a directory that one process writes and anybody may read.

The directory is the only channel between a training process and whoever watches it,
so the command line and the page see the same thing. In reading order: `files` (how two
processes share a file), `lock` (who may write), `status` (the one small file that says
where the run stands), `store` (the directory as an object), `worker` (the process
itself), `launch` (starting it from elsewhere), `catalogue` (every model there is).

A text larger than memory: `large_texts` (from file to tokens), `token_store` (what was
encoded before), `token_writing` (encoding that may be cut off), `telling` (how far it
is).

The library of models, runs and texts: `inventory` (what there is, in numbers),
`library` (names, and what may be moved), `trash` (deleting that can be undone),
`parcels` (a model as a zip, out and in), `incoming` (models that are brought here).
"""

from minigpt.runs.catalogue import ModelEntry, available_models, find_model
from minigpt.runs.status import RunStatus
from minigpt.runs.store import Run, RunStore, data_directory

__all__ = [
    "ModelEntry",
    "Run",
    "RunStatus",
    "RunStore",
    "available_models",
    "data_directory",
    "find_model",
]
