"""Small interactive views: Python checks and packs, JavaScript draws and listens.

Each view is three files of one name: `head_grid.py` is what a page calls,
`head_grid.js` and `head_grid.css` are what the browser runs. Hover never leaves the
browser; a click is told to Python once, and comes back as the next `selected`.
"""

from viz.components.attention_heatmap import attention_heatmap
from viz.components.head_grid import head_grid
from viz.components.head_lines import head_lines
from viz.components.reading_examples import ReadingExample, reading_examples
from viz.components.tinted_text import tinted_text
from viz.components.token_pieces import token_pieces
from viz.components.token_stream import Force, StreamChoice, token_stream
from viz.components.value_grid import value_grid

__all__ = [
    "Force",
    "ReadingExample",
    "StreamChoice",
    "attention_heatmap",
    "head_grid",
    "head_lines",
    "reading_examples",
    "tinted_text",
    "token_pieces",
    "token_stream",
    "value_grid",
]
