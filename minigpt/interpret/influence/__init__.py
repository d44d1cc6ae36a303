"""Which windows of the training text built a head: traced back, and proven.

In reading order: `rises` (the habits that grew in a head), `habit` (one number that
says how far a head has come), `rerun` (a training again, bit for bit, with or without
some windows), `copies` (is it the same one?), `growth` (the score meanwhile),
`pure_step` (one step as a function that can be differentiated), `backwards` (the score,
followed back through all steps to every token), `findings` and `study` (all of it for
one head, and the proof).
"""
