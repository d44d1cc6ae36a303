"""torch's optimizers, begun without torch's compiler: sooner, and 100 MB smaller.

`torch.optim` asks the compiler to keep out of its methods, and loads all of it to ask.
A training that compiles nothing, or only its model, need not: here the same methods are
called directly. They compute the same, to the bit; a step that is itself differentiated
(`differentiable=True`) is the one thing that they cannot take.

Behind: `optimizer`, which builds on these.
"""

from inspect import unwrap

import torch
from torch import optim


class Optimizer(optim.Optimizer):
    """`torch.optim.Optimizer`, as it is below the requests to the compiler."""

    add_param_group = unwrap(optim.Optimizer.add_param_group)
    load_state_dict = unwrap(optim.Optimizer.load_state_dict)
    state_dict = unwrap(optim.Optimizer.state_dict)
    zero_grad = unwrap(optim.Optimizer.zero_grad)


class SGD(Optimizer, optim.SGD):
    """`torch.optim.SGD`, from the same code."""

    step = torch.no_grad()(unwrap(optim.SGD.step))


class Adam(Optimizer, optim.Adam):
    """`torch.optim.Adam`, from the same code."""

    step = torch.no_grad()(unwrap(optim.Adam.step))


class AdamW(Optimizer, optim.AdamW):
    """`torch.optim.AdamW`, from the same code."""

    step = torch.no_grad()(unwrap(optim.AdamW.step))
