"""The training process: started, watched, asked to stop, and the work it does.

In reading order: `launch` (starting it from another process), `queue` (whose turn it
is), `forecast` (when that will be), `processes` (starting and ending a process),
`worker` (the process itself), `together` (several processes that train one run),
`preparation_progress` (how it reports before the first step), `recorder` (what it
writes to disk), `environment` and `adapting` (how it gets on beside other work),
`stop_requests` (how it is asked to stop), `within_minutes` (a learner's time is used
up), `tracking` (TensorBoard and Weights & Biases), `racing` (two runs started at the
same time), `series` (several sizes, one after another).
"""
