"""Every model, run and text there is: found, named, brought in, sent out, deleted.

In reading order: `catalogue` (every model there is), `finetuned` (which were tuned from
which), `inventory` (models, runs and texts in numbers), `names` (what they may be
called), `incoming` (models that are brought here), `archives` (a model as a zip, out
and in), `trash` (deleting that can be undone).
"""
