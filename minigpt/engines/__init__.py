"""Trainings elsewhere: on a cluster that sees the same folder, or the same bucket.

The run's directory is the truth, as it is here: the job writes status, metrics, log and
checkpoints into it, and everybody reads them from there, wherever they are. Without a
common folder, `minigpt.storage` brings a directory from machine to machine. So an
engine has three things to do: hand a job in, say which jobs wait or work, cancel one.

engine       what an engine is, and which there are
slurm        Slurm, by its own commands
stored       a process somewhere, known by what it uploads
ray          Ray, by its dashboard's interface for jobs
submitting   hand a run in, resume it, and note what became of its job
ray_workers  the job itself, where several of Ray's workers train one run
"""
