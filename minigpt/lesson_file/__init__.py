"""A lesson in one file: a model, its tokenizer and the lessons, for any browser.

The file needs no server and no network. In it, `model/`, `tokenizers/` and
`generation/` are the Python packages of the same names, in plain JavaScript: every
value has the same name as here and is held to it by tests. `lessons/` lets a reader use
them, and draws with the app's own views; `results/` tells a learning platform what was
answered, and signs it.

`contents` says what of a checkpoint goes into a file, `bundle` joins the scripts,
`views` reads the app's, `document` writes the page, `scorm` packs it for a learning
platform, and `handed_in` checks what learners hand in, and signs for the app.
"""
