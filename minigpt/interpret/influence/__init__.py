"""Which windows of the training text built a head: traced back, and proven.

In reading order: `habit` (one number that says how far a head has come), `rerun` (a
training again, bit for bit, with or without some windows), `pure_step` (one step as a
function that can be differentiated), `backwards` (the head's score, followed back
through all steps to every window), `study` (all of it for one head, and the proof).
"""
