"""Runs a program that would outlive us, and ends it with the process that started us.

    python -m minigpt.hosting.following nginx -c nginx.conf

nginx looks at no pipe: whoever kills the process that has started it would leave it
running, at a port that nobody else can have.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence

from minigpt.hosting.processes import end_with_parent


def main(command: Sequence[str]) -> int:
    """Run a program until it ends, or we are to end; return its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as program:
        try:
            end_with_parent()
            return program.wait()
        except KeyboardInterrupt:
            program.terminate()
    return program.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
