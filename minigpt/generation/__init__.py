"""Generation, in reading order: filters, window, sample, beam, generator."""

from minigpt.generation.beam import beam_search
from minigpt.generation.beam_tree import BeamCandidate, BeamResult
from minigpt.generation.filters import Filtered, FilterStage, apply_filters
from minigpt.generation.generator import Generation, Generator
from minigpt.generation.prompt import Prompt
from minigpt.generation.sample import Sampler
from minigpt.generation.step import TokenStep

__all__ = [
    "BeamCandidate",
    "BeamResult",
    "FilterStage",
    "Filtered",
    "Generation",
    "Generator",
    "Prompt",
    "Sampler",
    "TokenStep",
    "apply_filters",
    "beam_search",
]
