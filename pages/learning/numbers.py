"""The numbers of "How a weight learns", kept while the reader clicks about."""

from minigpt.interpret.learning.backward import backward_pass
from minigpt.interpret.learning.steps import learn, losses_by_rate
from pages.frame.remember import remember

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Step sizes on offer, three to a factor of ten and a bit."""

MOST_STEPS = 50
"""How often the step can be repeated."""

AT_ONCE = 10
"""Steps that are computed in one go, so that the next press finds them ready."""

backward_of = remember(32)(backward_pass)
"""The loss of the prompt and its gradients."""

learned_of = remember(24)(learn)
"""What becomes of the prompt, step by step."""

sweep_of = remember(32)(losses_by_rate)
"""The loss after one step of every size."""
