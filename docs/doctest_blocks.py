"""Examples in docstrings, shown as code on the documentation site.

A doctest needs no fence in a terminal; Markdown would take `>>>` for a quotation in a
quotation. `mkdocs.yml` names this file as an extension of Griffe, which reads the
docstrings.
"""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)
"""From the first prompt to the next empty line."""


class DoctestBlocks(griffe.Extension):
    """Puts a fence around every example."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change what the docstring of a function, class or module says."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    r"""Return a docstring with its examples between fences.

    >>> fenced("Double.\n\n>>> double(1)\n2\n\nOnce.")
    'Double.\n\n```python\n>>> double(1)\n2\n```\n\nOnce.'
    """
    return EXAMPLE.sub(r"\1```python\n\g<0>\n\1```", docstring)
