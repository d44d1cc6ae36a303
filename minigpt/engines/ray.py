"""Ray, by the jobs interface of its dashboard: plain HTTP, and nothing to install here.

What each process of a run needs, such as `CPU=4 GPU=1`, stands in the variable
MINIGPT_RAY. One process is trained by the job itself; several by workers that Ray
starts, and starts again when one is lost (see `ray_workers`).

Source: "Ray Jobs REST API", https://docs.ray.io/en/latest/cluster/running-applications/
job-submission/rest.html
"""

import json
import os
import re
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from minigpt.engines.engine import State, mark_of, training_command
from minigpt.errors import RunError
from minigpt.runs.job import IN_JOB, TRUSTED, Site
from minigpt.runs.store import Run
from minigpt.storage.place import read_place
from minigpt.worker.processes import child_environment

NEEDS = "MINIGPT_RAY"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PATIENCE = 60.0
_GLANCE = 3.0
_STATES: Mapping[str, State] = {"PENDING": "waits", "RUNNING": "works"}
_WAITED_TOO_LONG = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
"""Why Ray fails a job that has waited for a quarter of an hour, or as long as its head
was told to let one wait."""
_NEED = re.compile(r"([A-Za-z0-9_:.-]+)=(\d+(?:\.\d+)?)")
_CARRIED = ("PYTHONPATH", "MINIGPT_DATA", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""All else is as it is on the cluster: variables of a job are shown to everybody."""


class Ray:
    """A cluster that this machine hands jobs in to.

    Args:
        site: Its address, and how many processes train a run.
    """

    title = "Ray"

    def __init__(self, site: Site) -> None:
        self.site = site

    def waiting(self) -> str:
        """Say where a run waits, and whether it may be for long. See `Engine.waiting`.

        A cluster may grow, so that asking for more than it has is no mistake.
        """
        asked = needs()
        report = self._call("/api/cluster_status").get("data", {})
        for step in ("clusterStatus", "loadMetricsReport", "usage"):
            report = report.get(step) or {}
        for name, each in asked.items():
            if name not in report:
                continue  # it does not know yet, or it is no number
            needed, total = each * self.site.workers, report[name][1]
            if needed > total:
                return (
                    f"waits in Ray: it needs {name}={needed:g}, and the cluster has "
                    f"{total:g}; add machines, or stop it and ask for less"
                )
        return "waits in Ray"

    def submit(self, run: Run) -> str:
        """Hand in a job. See `Engine.submit`."""
        path, each = str(run.path.absolute()), needs()
        name = re.sub(r"[^A-Za-z0-9_-]", "-", run.id)[:40]
        job = f"minigpt-{name}-{secrets.token_hex(4)}"
        train, is_stored = training_command(run), read_place(run.path) is not None
        if is_stored and self.site.workers > 1:
            raise RunError(
                "Several workers need a folder that all of them see: drop --storage, "
                "or train by one."
            )
        asked: dict[str, Any] = {
            "entrypoint_num_cpus": each.pop("CPU", 1.0),
            "entrypoint_num_gpus": each.pop("GPU", 0.0),
            "entrypoint_resources": each,
        }
        if self.site.workers > 1:  # the job itself only starts them
            module = ["-m", "minigpt.engines.ray_workers", path]
            train = [sys.executable, *module, str(self.site.workers), job]
            asked = {}
        log = shlex.quote(str(run.path.absolute() / "log.txt"))
        said = "" if is_stored else f" 2>>{log}"  # no folder here is one there
        hand_in = {
            "submission_id": job,
            "entrypoint": f"exec {shlex.join(train)} >/dev/null{said}",
            "runtime_env": {"env_vars": _variables(run)},
            **asked,
        }
        self._call("/api/jobs/", hand_in)
        return job

    def states(self, jobs: Sequence[str]) -> Mapping[str, State]:
        """Look jobs up. See `Engine.states`."""
        found: dict[str, State] = {}
        for job in jobs:
            said = self._call(f"/api/jobs/{quote(job)}", missing={})
            if said.get("error_type") == _WAITED_TOO_LONG:
                found[job] = "given up"
            elif said.get("status") in _STATES:
                found[job] = _STATES[said["status"]]
        return found

    def cancel(self, job: str) -> None:
        """Cancel a job. See `Engine.cancel`."""
        self._call(f"/api/jobs/{quote(job)}/stop", {}, missing={})

    def _call(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        missing: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return what the dashboard answers.

        Args:
            path: What is asked for.
            body: What is sent; None asks only.
            missing: The answer if it knows of no such thing; None: an error.
        """
        address = self.site.address.rstrip("/")
        sent = None if body is None else json.dumps(body).encode()
        request = Request(address + path, sent, {"Content-Type": "application/json"})
        if (token := _token()) and _is_trusted(address):
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        try:
            with urlopen(request, timeout=_PATIENCE if body else _GLANCE) as answer:
                said = json.load(answer)
        except HTTPError as error:
            if error.code == 404 and missing is not None:
                return missing
            raise RunError(_refusal(address, error)) from None
        except (HTTPException, URLError, OSError, ValueError) as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())
            raise RunError(
                f"No Ray dashboard answers at {address} ({reason}): start the cluster "
                "(ray start --head), or give its dashboard's address with --address."
            ) from None
        return said if isinstance(said, dict) else {}


def needs() -> dict[str, float]:
    """Return what each process of a run needs, by Ray's names; a CPU if not said.

    Raises:
        RunError: If MINIGPT_RAY cannot be read.
    """
    found = {"CPU": 1.0}
    for word in os.environ.get(NEEDS, "").replace(",", " ").split():
        match = _NEED.fullmatch(word)
        if match is None:
            raise RunError(
                f"{NEEDS} is what each process needs, such as CPU=4 GPU=1, and "
                f"{word!r} is not of this form."
            )
        found[match[1]] = float(match[2])
    return found


def _variables(run: Run) -> dict[str, str]:
    """Return the variables that a job of a run finds set."""
    own = child_environment()
    if read_place(run.path) is not None:
        own.pop("MINIGPT_DATA", None)
    carried = {name: own[name] for name in (*_CARRIED, NEEDS) if name in own}
    threads = str(max(1, int(needs()["CPU"])))
    return {"OMP_NUM_THREADS": threads, **carried, IN_JOB: mark_of(run)}


def _is_trusted(address: str) -> bool:
    """Whether the token may be sent there: a run's address may be anybody's."""
    own = os.environ.get(TRUSTED, "").rstrip("/")
    return address == own or urlsplit(address).hostname in _LOOPBACK


def _token() -> str:
    """Return the word that lets one into a cluster, from where Ray keeps it."""
    if word := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return word
    usual = Path.home() / ".ray" / "auth_token"
    try:
        path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or usual)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _refusal(address: str, error: HTTPError) -> str:
    if error.code in (401, 403):
        return (
            f"Ray at {address} lets only those in who know its token: set "
            "RAY_AUTH_TOKEN, or keep it in ~/.ray/auth_token. It is sent to this "
            f"machine, and to the address in {TRUSTED}."
        )
    if error.code == 404:
        return f"There is no Ray dashboard at {address}: is it that of a cluster?"
    said = " ".join(error.read(2000).decode("utf-8", "replace").split())
    return (
        f"Ray at {address} does not take it ({error.code}: {said[-300:]}). What each "
        f"process needs stands in {NEEDS}."
    )
