"""What a neuron promotes: its output weights, read as logits.

    promoted[t] = (w ⊙ W_U[t]) · C · W_out[:, neuron]       w, C: of the final norm

A neuron adds its activation times its column of W_out to the stream. Read through the
final norm's weights and the unembedding, that column says which tokens it makes more
likely and which less: directly, with nothing in between. Later layers may still read
it, and do something else with it. The final norm's scale is left out: it makes all
numbers of one token larger or smaller, and their order stays.

Before: `examples`, where the neuron fires. Beside: `stream.attribution_detail`, which
ranks neurons by what they add to one logit.

Source: Geva et al. 2022, arXiv:2203.14680, "Transformer Feed-Forward Layers Build
Predictions by Promoting Concepts in the Vocabulary Space".
"""

import numpy as np
import torch
from jaxtyping import Float

from minigpt.interpret.interventions.parts import Neuron, require
from minigpt.interpret.stream.logit_direction import block_at, held_norm
from minigpt.model import TransformerLM


@torch.inference_mode()
def promoted_tokens(
    model: TransformerLM, neuron: Neuron
) -> Float[np.ndarray, " vocab"]:
    """Return what one unit of a neuron's activation adds to each token's logit.

    Args:
        model: With MLPs.
        neuron: Whose output weights.

    Returns:
        Logits, times the final norm's scale.

    Raises:
        DataError: If the model has no such neuron.
    """
    require(neuron, model.config)
    block = block_at(model, neuron.layer)
    column = block.mlp.output.weight[:, neuron.neuron]
    column = held_norm(model.ln_final, held_norm(block.ln2_post, column))
    logits = model.compare(column[None, None])[0, 0]
    return logits.float().cpu().numpy()
