"""The training process: started, watched, asked to stop, and the work it does.

In reading order: `launch` (starting it from another process), `worker` (the process
itself), `preparation_progress` (what it says before the first step), `recorder` (what
it writes down), `stop_requests` (who may ask it to stop), `tracking` (TensorBoard and
Weights & Biases), `racing` (two runs started at one moment).
"""
