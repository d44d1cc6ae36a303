"""The training process: started, watched, asked to stop, and the work it does.

In reading order: `launch` (starting it from another process), `worker` (the process
itself), `preparation_progress` (how it reports before the first step), `recorder` (what
it writes to disk), `environment` and `adapting` (how it gets on beside other work),
`stop_requests` (how it is asked to stop), `tracking` (TensorBoard and Weights &
Biases), `racing` (two runs started at the same time), `series` (several sizes, one
after another).
"""
