"""Does a model keep to its own story?

It writes 200 stories. Of the people and things that a story mentions after its third
sentence, 90% or more must have been introduced in that story (`introduced` in
`minigpt/datasets/tales/mentions.py` says how that is decided). Two yardsticks stand
beside it: the stories that the model learned from, and those stories with their
endings exchanged, which read well sentence by sentence and make no sense.

    python benchmarks/tales_coherence.py data/models/tales
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

import minigpt
from minigpt.config import GenerationConfig
from minigpt.datasets.tales.mentions import OPENING, introduced, sentences
from minigpt.datasets.tales.story import STORY_END, write_story
from minigpt.generation import Generator

REQUIRED = 0.9


def main() -> int:
    """Write the stories, print what was found; fail below 90%."""
    arguments = _arguments()
    model, tokenizer, _ = minigpt.load(arguments.checkpoint)
    generator = Generator(model, tokenizer, device=arguments.device)
    stories = [
        write(generator, arguments.prompt, seed, arguments.temperature)
        for seed in range(arguments.stories)
    ]
    for story in stories[: arguments.show]:
        print(f"{story}\n")
    real = [write_story(Random(seed)).text for seed in range(len(stories))]
    found = share(stories)
    long_enough = sum(len(sentences(story)) > OPENING for story in stories)
    print(
        f"{len(stories)} stories, {long_enough} of them longer than {OPENING} "
        f"sentences, {len(set(stories))} different"
    )
    print(
        f"introduced before they are spoken of: {found:.1%} (required {REQUIRED:.0%})"
    )
    print(f"in the stories it learned from:       {share(real):.1%}")
    print(f"with exchanged endings:               {share(exchanged(real)):.1%}")
    for word in from_nowhere(stories)[:10]:
        print(f"  from nowhere: {word}")
    return 0 if found >= REQUIRED and long_enough >= len(stories) // 2 else 1


def write(generator: Generator, prompt: str, seed: int, temperature: float) -> str:
    """Let the model write one story, up to the blank line that ends it."""
    config = GenerationConfig(
        max_new_tokens=1500, temperature=temperature, top_k=50, seed=seed
    )
    story = ""
    for step in generator.stream(prompt, config):
        story = step.text_so_far.lstrip("\n")
        if STORY_END in story:
            break
    return story.split(STORY_END)[0]


def share(stories: Iterable[str]) -> float:
    """Share of later people and things that were introduced, over all stories."""
    known = unknown = 0
    for story in stories:
        mentions = introduced(story)
        known += len(mentions.introduced)
        unknown += len(mentions.from_nowhere)
    return known / max(1, known + unknown)


def from_nowhere(stories: Iterable[str]) -> list[str]:
    """Name who and what was never introduced, each with its story's beginning."""
    return [
        f"{word} in {story[:60]!r} …"
        for story in stories
        for word in introduced(story).from_nowhere
    ]


def exchanged(stories: list[str]) -> list[str]:
    """Give each story the later part of another."""
    cut = [sentences(story) for story in stories]
    return [
        " ".join(cut[i][:OPENING] + cut[i - 1][OPENING:]) for i in range(len(stories))
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="directory of a model")
    parser.add_argument("--stories", type=int, default=200)
    parser.add_argument("--show", type=int, default=5, help="stories to print")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--prompt", default=STORY_END, help="what comes before")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
