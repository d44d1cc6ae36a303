"""`app`: open the app in the browser."""

import runpy
import sys
from collections.abc import Sequence

from minigpt.cli.output import say
from minigpt.places import app_folder, data_directory


def run(words: Sequence[str]) -> int:
    """Run `app` until Ctrl-C."""
    data = data_directory()
    data.mkdir(parents=True, exist_ok=True)
    say(f"Your models, runs and texts: {data}")
    sys.argv = ["minigpt app", *words]
    folder = str(app_folder())
    sys.path.insert(0, folder)
    runpy.run_path(f"{folder}/serve.py", run_name="__main__")
    return 0
