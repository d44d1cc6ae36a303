"""All models, runs and texts: list, rename, import, export, delete.

In reading order: `catalogue` (all models), `finetuned` (which were fine-tuned from
which), `inventory` (models, runs and texts in numbers), `names` (allowed names,
renaming), `incoming` (adding models), `archives` (a model as a zip file), `trash`
(deletion that can be undone).
"""
