"""A server that runs: the model loaded, the port open, the log on."""

import errno
import logging
import os
import socket
from pathlib import Path
from threading import Thread

import uvicorn
from threadpoolctl import ThreadpoolController

from minigpt.checkpoint import load_checkpoint
from minigpt.errors import ConfigError
from minigpt.serve.app import build_app
from minigpt.serve.engine import Engine
from minigpt.serve.served import Served
from minigpt.serve.settings import ServeSettings


def listen(settings: ServeSettings) -> socket.socket:
    """Open the port.

    Raises:
        ConfigError: If it is taken, or not ours to take, or the host is not here.
    """
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        # Python adds the address, which stands here already.
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        is_elsewhere = isinstance(error, socket.gaierror) or (
            error.errno == errno.EADDRNOTAVAIL
        )
        raise ConfigError(
            f"{settings.host}:{settings.port} cannot be listened to "
            f"({reason}): choose another --{'host' if is_elsewhere else 'port'}."
        ) from None


def load_served(path: Path, name: str, settings: ServeSettings, device: str) -> Served:
    """Load a checkpoint to be served.

    Args:
        path: Its directory.
        name: What clients call it.
        settings: What they may do.
        device: Where it computes.

    Raises:
        CheckpointError: If it cannot be loaded.
    """
    model, tokenizer, _ = load_checkpoint(path, device=device, keep_integers=True)
    # NumPy's products are small here (torch has the large ones): a second thread saves
    # little where a core is free, and where none is, the first waits for it.
    ThreadpoolController().limit(limits=1, user_api="blas")
    engine = Engine(model, settings.max_texts, settings.max_waiting)
    return Served(name, model, tokenizer, settings, engine)


def make_server(served: Served) -> uvicorn.Server:
    """Return a server; its `run(sockets=[…])` ends with Ctrl-C."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("minigpt.serve").setLevel(logging.INFO)
    # Its lines would hold what a client asked for. Streamlit, if anybody has imported
    # it, turns them on again: `access_log` alone does not do.
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        build_app(served),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def stop_with_stdin(server: uvicorn.Server) -> None:
    """Stop a server when its standard input ends, as it does with the parent."""

    def wait() -> None:
        # Not sys.stdin: at exit, Python waits for a thread that reads from it.
        while os.read(0, 1024):
            pass
        server.should_exit = True

    Thread(target=wait, daemon=True).start()
