"""Generation, in reading order: filters, window, sample, beam, generator, batch."""

from minigpt.generation.batch.together import generate_together
from minigpt.generation.beam.search import beam_search
from minigpt.generation.beam.tree import BeamCandidate, BeamResult, BeamSequence
from minigpt.generation.filters import FilterStage, apply_filters, filter_stages
from minigpt.generation.generator import Generator
from minigpt.generation.result import Generation
from minigpt.generation.sample import Sampler
from minigpt.generation.step import TokenStep

__all__ = [
    "BeamCandidate",
    "BeamResult",
    "BeamSequence",
    "FilterStage",
    "Generation",
    "Generator",
    "Sampler",
    "TokenStep",
    "apply_filters",
    "beam_search",
    "filter_stages",
    "generate_together",
]
