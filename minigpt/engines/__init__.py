"""Trainings elsewhere: on a cluster that sees the same folder as this machine.

The run's directory is the truth, as it is here: the job writes status, metrics, log and
checkpoints into it, and everybody reads them from there, wherever they are. So an
engine has three things to do: hand a job in, say which jobs wait or work, cancel one.

engine       what an engine is, and which there are
slurm        Slurm, by its own commands
ray          Ray, by its dashboard's interface for jobs
submitting   hand a run in, resume it, and note what became of its job
ray_workers  the job itself, where several of Ray's workers train one run
"""
