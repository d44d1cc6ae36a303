"""`serve`: answer over HTTP, as OpenAI's API does."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Annotated, Any

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import say
from minigpt.cli.parsing import config_fields, flag, parse
from minigpt.regular_files import expanded


@dataclasses.dataclass(frozen=True)
class ModelFlags:
    """Which model."""

    model: Annotated[
        str | None,
        flag(
            "A checkpoint or run directory, a run's name or a shipped model's.",
            "--model_path",
        ),
    ] = None
    name: Annotated[str | None, flag("What clients call it (none: as here).")] = None
    device: Annotated[str, flag("auto, cpu, cuda, cuda:1 or mps.")] = "cpu"
    follow_stdin: Annotated[
        bool, flag("Stop at the end of standard input; the app starts it so.")
    ] = False


def run(words: Sequence[str]) -> int:
    """Run `serve` until Ctrl-C."""
    from minigpt.serve.needed import require_packages
    from minigpt.serve.settings import ServeSettings

    defaults = ServeSettings()
    limits = dataclasses.make_dataclass("Limits", config_fields(defaults), frozen=True)
    groups = {"of": ModelFlags, "limits": limits}
    kind = dataclasses.make_dataclass("ServeArguments", groups.items())
    arguments: Any = parse(kind, words, "serve", "Answer over HTTP, as OpenAI does.")
    values = dataclasses.asdict(arguments.limits)
    if not values["api_key"]:
        values["api_key"] = tuple(os.environ.get("MINIGPT_API_KEY", "").split())
    settings = ServeSettings(**values)
    require_packages()
    from minigpt.serve.running import (
        listen,
        load_served,
        make_server,
        stop_with_stdin,
    )

    path = find_checkpoint(arguments.of.model)
    listening = listen(settings)
    given = expanded(arguments.of.model or "minigpt")
    name = arguments.of.name or given.name.removesuffix(".pt")
    served = load_served(path, name, settings, arguments.of.device)
    host, port = listening.getsockname()[:2]
    say(f"{name} answers at http://{host}:{port}/v1 (Ctrl-C stops it)")
    server = make_server(served)
    if arguments.of.follow_stdin:
        stop_with_stdin(server)
    server.run(sockets=[listening])
    return 0
