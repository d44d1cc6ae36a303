"""The app's figures as widgets, for Jupyter and whatever else shows anywidgets.

    from minigpt.notebook import heads

    widget = heads(minigpt.load("data/models/tales"), "Once upon a time there was a")
    widget.head            # the layer and head that the reader chose; it can be set

Each draws with the script of the app's own view, which travels inside the widget:
nothing is fetched. What is chosen in the picture is a value in Python. Where no kernel
runs, a plain picture stands in.
"""

from minigpt.notebook.show_attention import Attention, attention
from minigpt.notebook.show_beam import Beam, beam
from minigpt.notebook.show_heads import Heads, heads
from minigpt.notebook.show_journey import Journey, journey
from minigpt.notebook.show_lens import LensTable, lens
from minigpt.notebook.show_merges import Merges, merges
from minigpt.notebook.show_training import Training, training
from minigpt.notebook.widget import Figure

__all__ = [
    "Attention",
    "Beam",
    "Figure",
    "Heads",
    "Journey",
    "LensTable",
    "Merges",
    "Training",
    "attention",
    "beam",
    "heads",
    "journey",
    "lens",
    "merges",
    "training",
]
