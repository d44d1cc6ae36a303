"""What learns: the model itself, or parts of it on several processes.

    shard = false    each process holds all weights; gradients are averaged
    shard = true     each holds a part of every weight, of its gradient and of the
                     optimizer's memory; it asks the others for a block's weights when
                     the block's turn has come, and forgets them after it (FSDP2)

Both learn the same. Parts let a model learn that does not fit on one device: what lies
there is a share of the weights, and one whole block at a time.

Before: `distributed`, the processes. Next: the steps.
Source: Rajbhandari et al. 2020, "ZeRO", arXiv:1910.02054; Zhao et al. 2023, "PyTorch
FSDP", arXiv:2304.11277.
"""

from copy import deepcopy
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from minigpt.config import TrainConfig
from minigpt.errors import ConfigError
from minigpt.model import LanguageModel
from minigpt.model.memory import require_memory
from minigpt.training.compilation import compiled
from minigpt.training.distributed import Team
from minigpt.training.objective import Objective

COPIES_OF_WEIGHTS = 4
"""The weight, its gradient, and two averages of it."""


class Learner:
    """The model itself learns.

    Args:
        model: What learns, in place.
        team: The processes at work.

    Attributes:
        module: What holds the weights that the optimizer changes.
    """

    module: LanguageModel

    def __init__(self, model: LanguageModel, team: Team) -> None:
        self.team = team
        self.module = self.model = model.to(team.device)

    def begin(self, config: TrainConfig) -> nn.Module:
        """Return what computes the logits from now on; the weights are loaded."""
        return self.team.wrap(compiled(self.module, config, self.team.device))

    def gather(self, asked: bool = True) -> None:
        """Let the first process's model have the weights of this moment.

        Args:
            asked: Whether this process wants it so; one is enough.
        """


class ShardedLearner(Learner):
    """Each process's part learns; the model is its picture, in main memory.

    Args:
        model: Gets the weights whenever they are gathered, on the first process.
        team: The processes at work.
    """

    def __init__(self, model: LanguageModel, team: Team) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        self.team, self.model = team, model
        self.module = deepcopy(model)
        mesh = init_device_mesh(team.device.type, (team.size,))
        for block in getattr(self.module, "blocks", ()):
            fully_shard(block, mesh=mesh)
        fully_shard(self.module, mesh=mesh)

    def begin(self, config: TrainConfig) -> nn.Module:
        """Give every process its part of the first one's model."""
        from torch.distributed.checkpoint import state_dict

        full = state_dict.StateDictOptions(
            full_state_dict=True, broadcast_from_rank0=True
        )
        weights = self.model.state_dict() if self.team.is_first else {}
        state_dict.set_model_state_dict(self.module, weights, options=full)
        return compiled(self.module, config, self.team.device)

    def gather(self, asked: bool = True) -> None:
        """Put the parts together on the first process. See `Learner.gather`."""
        from torch.distributed.checkpoint import state_dict

        if not self.team.sum([asked])[0]:
            return
        full = state_dict.StateDictOptions(full_state_dict=True, cpu_offload=True)
        weights = state_dict.get_model_state_dict(self.module, options=full)
        if self.team.is_first:
            self.model.load_state_dict(weights)


def require_trainable(model: LanguageModel, config: TrainConfig) -> None:
    """Check that a model can be trained as a config says, and in this memory.

    Raises:
        ConfigError: If not.
    """
    if config.gradient_checkpointing and not model.can_recompute_blocks:
        raise ConfigError(
            "gradient_checkpointing is true, and the MLP model has no blocks to "
            "recompute: leave it false."
        )
    require_memory(model.config, COPIES_OF_WEIGHTS)


def build_learner(
    model: LanguageModel,
    config: TrainConfig,
    team: Team,
    objective: Objective,
    optimizer: Optimizer | None,
) -> Learner:
    """Choose what learns. A team of one has nothing to share.

    Args:
        model: The model.
        config: Whether to share it out.
        team: The processes at work.
        objective: What is minimised.
        optimizer: The caller's own, if there is one.

    Raises:
        ConfigError: If it is to be shared out, and cannot be.
    """
    if not config.shard or team.size == 1:
        return Learner(model, team)
    problem = None
    if config.optimizer == "muon":
        problem = "Muon turns whole matrices: choose --optimizer adamw"
    elif objective.unit != "token":
        problem = "preferences are compared with the whole model: leave it false"
    elif optimizer is not None:
        problem = "an optimizer of your own holds the whole weights: leave it out"
    if problem is not None:
        raise ConfigError(f"shard is true, and {problem}.")
    return ShardedLearner(model, team)


def whole(tree: Any) -> Any:
    """Return a tensor, or a tree of them, with the parts of all processes together.

    Every process must ask, and each gets all of it.

    Args:
        tree: A tensor, or dicts and lists with tensors at their leaves.
    """
    if isinstance(tree, dict):
        return {name: whole(branch) for name, branch in tree.items()}
    if isinstance(tree, list):
        return [whole(branch) for branch in tree]
    # Only a tensor that lies on several processes has this: to import its class takes
    # longer than most trainings of one process begin.
    gathered = getattr(tree, "full_tensor", None)
    return tree if gathered is None else gathered()


def share_out(optimizer: Optimizer) -> None:
    """Leave each process its part of what an optimizer has loaded."""
    parameter: Any
    for parameter, memory in optimizer.state.items():
        mesh = getattr(parameter, "device_mesh", None)
        if mesh is None:
            continue
        from torch.distributed.tensor import distribute_tensor

        for name, value in memory.items():
            if isinstance(value, Tensor) and value.ndim > 0:
                memory[name] = distribute_tensor(value, mesh, parameter.placements)
