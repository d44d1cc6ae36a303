"""The command line: `python -m minigpt <command> …`, one small module per command.

A command is imported only when it is used, and imports torch only after its flags are
parsed, so that `--help` and a wrong flag respond at once.

Exit codes: 0 success; 1 an unexpected failure; 2 an error you can fix, explained in one
line; 130 stopped by Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

from minigpt.cli.output import complain, say
from minigpt.errors import MinigptError, near_names
from minigpt.worker.environment import UNTIL_BUSY, waiting_variables

COMMANDS = {
    "app": "open the lessons in the browser, on your models",
    "quickstart": "train a tiny model in a minute and sample from it",
    "train": "train a model on a text: yours, or the built-in tales",
    "generate": "generate text with a trained model",
    "finetune": "teach a model to answer: sft, LoRA, dpo; and ask it questions",
    "evaluate": "measure a model's loss on a text",
    "tokenizer": "train a tokenizer, encode, decode, look inside",
    "data": "fetch, write, describe or clean a text; list encoded ones",
    "inspect": "show a model's parts, activations and next-token table",
    "serve": "answer over HTTP, as OpenAI's API does",
    "quantize": "round a model's weights to 8 or 4 bits",
    "import": "add GPT-2, or a model of its kind, to your models",
    "export": "write a model in the format of Hugging Face",
    "lesson": "write a model and its lessons as one file for any browser",
    "verify-result": "check what learners handed in from such a file",
}

TRAINING = ("quickstart", "train", "finetune")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `minigpt`; None takes the process's own.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        say(_overview())
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        hint = near_names(name, COMMANDS)
        complain(f"There is no command {name!r}.{hint} See: python -m minigpt --help")
        return 2
    if name in TRAINING:
        os.environ.update(waiting_variables(os.environ, UNTIL_BUSY))
    module = f"{name}_" if iskeyword(name) else name.replace("-", "_")
    try:
        code: int = import_module(f"minigpt.cli.{module}").run(rest)
        sys.stdout.flush()
    except MinigptError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        complain("Stopped.")
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has closed the pipe. Python would complain again at
        # exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))
        return 1
    except Exception as error:
        complain(f"{_bug_report(error)}")
        return 1
    return code


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {purpose}" for name, purpose in COMMANDS.items()]
    return (
        "usage: python -m minigpt <command> [options]\n\n"
        "Train a language model, look inside it, generate text.\n\n"
        + "\n".join(lines)
        + "\n\nEach command explains itself: python -m minigpt train --help"
    )


def _bug_report(error: Exception) -> str:
    """Save the traceback to a file, and return one line that names it."""
    from minigpt.cli.output import save_traceback

    kind = type(error).__name__
    return f"An unexpected {kind}: {error} (details in {save_traceback()})"
