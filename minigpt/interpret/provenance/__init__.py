"""Where a number comes from: its operands, its arithmetic, its line of source.

`trace` runs the model, looks a number up, and has the rule of its hook work it out
again from the numbers that went in. `rules` names the rule of every hook; the rules are
in `stream`, `norms`, `attention` and `feedforward`.
"""

from minigpt.interpret.provenance.source_line import SourceLine
from minigpt.interpret.provenance.trace import Provenance, trace
from minigpt.interpret.provenance.working import Operands

__all__ = ["Operands", "Provenance", "SourceLine", "trace"]
