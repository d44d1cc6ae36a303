"""`quantize`: round a model's weights to 8 or 4 bits, and save it so."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from minigpt.cli.models import find_checkpoint
from minigpt.cli.output import note, say
from minigpt.cli.parsing import argument, flag, given_flags, parse
from minigpt.config import QuantizationConfig, standard_quantization
from minigpt.library.names import free_place
from minigpt.places import data_directory
from minigpt.regular_files import expanded


@dataclasses.dataclass(frozen=True)
class QuantizeArguments:
    """Which model, how coarsely, and where to put it."""

    model: Annotated[
        tyro.conf.Positional[str],
        argument("MODEL", "A checkpoint or run directory, or a model's name."),
    ]
    bits: Annotated[Literal[4, 8], flag("Bits of each weight.")] = 8
    group_size: Annotated[
        int | None,
        flag("Weights that share a scale (none: with 8 bits a row, with 4 bits 64)."),
    ] = None
    zero_point: Annotated[
        bool,
        flag(
            "Let each grid span its weights from the lowest to the highest; given "
            "neither this nor a group size, 4 bits do."
        ),
    ] = False
    name: Annotated[
        str | None, flag("Its name in the library (none: as MODEL, with -int8).")
    ] = None
    output: Annotated[
        Path | None, flag("A directory to write instead of the library.", "-o")
    ] = None


def run(words: Sequence[str]) -> int:
    """Run `quantize`."""
    arguments = parse(
        QuantizeArguments, words, "quantize", "Round a model's weights to few bits."
    )
    config = standard_quantization(arguments.bits)
    if {"group_size", "zero_point"} & given_flags(words):
        config = QuantizationConfig(
            bits=arguments.bits,
            group_size=arguments.group_size,
            zero_point=arguments.zero_point,
        )
    path = find_checkpoint(arguments.model)
    source = expanded(arguments.model).name.removesuffix(".pt")
    name = arguments.name or f"{source}-int{arguments.bits}"
    if arguments.output is None:  # before the work, not after it
        free_place(data_directory(), "model", name)
    from minigpt.library.quantized import keep_quantized, quantized, save_quantized
    from minigpt.quantization import dequantize, stored_bytes

    made = quantized(path, arguments.model, config)
    if arguments.output is None:
        directory = keep_quantized(data_directory(), name, source, made)
    else:
        directory = save_quantized(arguments.output, made)
    before, after = stored_bytes(dequantize(made.model)), stored_bytes(made.model)
    say(f"wrote {directory}")
    say(f"weights  {config}: {after / before:.3f} of their size in 32 bits")
    note(f"What it cost: python -m minigpt evaluate --model_path {directory}")
    return 0
