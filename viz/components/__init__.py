"""Small interactive views: Python checks and packs, JavaScript draws and listens.

Each view is a folder: `head_grid/view.py` is what a page calls, `head_grid.js` and
`head_grid.css` beside it are what the browser runs; `shared` is what views share.
Hover never leaves the browser; a click is told to Python once, and comes back as the
next `selected`.
"""

from viz.components.attention_heatmap.view import attention_heatmap
from viz.components.head_grid.view import head_grid
from viz.components.head_lines.view import head_lines
from viz.components.reading_examples.view import ReadingExample, reading_examples
from viz.components.tinted_text.view import TintedText, tinted_text
from viz.components.token_pieces.view import token_pieces
from viz.components.token_stream.view import Force, StreamChoice, token_stream
from viz.components.value_grid.view import Grid, value_grid

__all__ = [
    "Force",
    "Grid",
    "ReadingExample",
    "StreamChoice",
    "TintedText",
    "attention_heatmap",
    "head_grid",
    "head_lines",
    "reading_examples",
    "tinted_text",
    "token_pieces",
    "token_stream",
    "value_grid",
]
