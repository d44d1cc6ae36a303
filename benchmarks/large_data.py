"""A text larger than memory: what preparing it and reading it costs.

    python benchmarks/large_data.py --size 200MB
    python benchmarks/large_data.py --size 2GB --tokenizer char

Makes a text of that size (stories of `tales`, shuffled anew in each round), prepares
it as `python -m minigpt train` would, by one core and then by all, and removes
everything afterwards. Memory is what the process holds beyond what it held when the
model had learned its first step, without the processes that encode for it; the largest
of those has a line of its own. Speed of reading stands beside the speed of learning,
measured right after it.
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import psutil

from minigpt.config import RunConfig, get_recipe
from minigpt.datasets.batches.streaming import StreamingTextDataset
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.tales.story import STORY_END, generate_tales
from minigpt.preparation.baselines import count_baselines
from minigpt.preparation.encoding.processes import BOUND, usable_cores
from minigpt.preparation.preparation import assemble
from minigpt.preparation.prepared import Prepared
from minigpt.preparation.token_store import TokenStore
from minigpt.training.callbacks import StepRecord, TrainerCallback
from minigpt.training.trainer import Trainer

WRITTEN_ANEW = 8_000_000
"""Characters of tales; the rest repeats these stories in other orders."""

SPACE = 2.5
"""Disk space needed, in sizes of the text: itself, its tokens, and some room."""

_PERIOD_SECONDS = 0.01
_NEAR_THE_END = 0.99


def num_bytes(words: str) -> int:
    """Read `200MB` or `2GB`."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
    return int(float(words[:-2]) * units[words[-2:].upper()])


def write_text(path: Path, size: int) -> None:
    """Write stories until a file has a size."""
    stories = generate_tales(min(size, WRITTEN_ANEW)).split(STORY_END)[:-1]
    random = Random(0)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            random.shuffle(stories)
            file.write(STORY_END.join(stories) + STORY_END)


class Memory:
    """The most memory the process holds while `watched`, beyond `base`, in MB."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.base, self.peak = 0.0, 0.0

    def now(self) -> float:
        """Return what the process holds, in MB."""
        return self._process.memory_info().rss / 1e6

    def of_children(self) -> list[float]:
        """Return what each process holds that this one has started, in MB."""
        return [p.memory_info().rss / 1e6 for p in self._process.children()]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note the peak of what happens meanwhile."""
        ended, self.peak = threading.Event(), self.now()

        def watch() -> None:
            while not ended.wait(_PERIOD_SECONDS):
                self.peak = max(self.peak, self.now())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def timed(self, work: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds that a call takes, and its peak beyond `base`."""
        begin = time.perf_counter()
        with self.watched():
            work()
        return time.perf_counter() - begin, self.peak - self.base


class Speed(TrainerCallback):
    """Keeps the trainer's own measure of its speed."""

    tokens_per_second = 0.0

    def on_step(self, record: StepRecord) -> None:
        """Keep the newest."""
        self.tokens_per_second = record.tokens_per_second


def train(prepared: Prepared, folder: Path, steps: int) -> float:
    """Train some steps, without evaluations; return tokens per second."""
    speed = Speed()
    Trainer(
        prepared.model,
        prepared.source.sampler,
        output_dir=folder / "model",
        config=prepared.config.train.replace(max_steps=steps, num_threads=None),
        tokenizer=prepared.tokenizer,
        callbacks=[speed],
    ).train()
    return speed.tokens_per_second


def measure(path: Path, kind: str, steps: int) -> None:
    """Print what preparing and reading a text costs."""
    folder, memory = path.parent, Memory()
    recipe = get_recipe("default")
    tokens = recipe.tokenizer.replace(kind=kind).to_dict()
    small = recipe.replace(data={"tales_megabytes": 0.3}, tokenizer=tokens)
    train(assemble(small, folder, None), folder, 2)
    memory.base = memory.now()
    print(f"the process, with a model that learned a step: {memory.base:.0f} MB")

    config = recipe.replace(data={"source": str(path)}, tokenizer=tokens)
    compare_cores(config, folder, memory)
    again = memory.timed(lambda: assemble(config, folder, None))
    report("second run on the same text", *again)
    prepared = assemble(config, folder, None)
    report("losses of counting", *memory.timed(lambda: count(prepared)))
    compare_reading(prepared, config, path, memory, steps)
    checkpoint = folder / "model" / f"checkpoint_step_{steps}"
    resumed = memory.timed(lambda: assemble(config, folder, checkpoint))
    report("a run that is resumed", *resumed)


def compare_cores(config: RunConfig, folder: Path, memory: Memory) -> None:
    """Print what preparing a text costs by one core, and by all; keep the latter's."""
    size = Path(config.data.source).stat().st_size / 1e6
    bound, found = os.environ.pop(BOUND, None), {}
    for cores in (1, usable_cores()):
        os.environ[BOUND] = str(cores)
        shutil.rmtree(TokenStore().directory, ignore_errors=True)
        stages = Stages(memory)
        begin = memory.timed(partial(assemble, config, folder, None, tell=stages))
        report(f"first run, cores: {cores}; all before the first step", *begin)
        for activity, seconds in stages.seconds.items():
            print(f"  {activity:<42} {seconds:8.2f} s {size / seconds:10.1f} MB/s")
        found[cores] = stages.seconds["encoding the text"], begin[0]
    largest = max(stages.children, default=0.0)
    print(f"  {'the largest of the processes that encode':<42} {largest:8.0f} MB")
    (encoding, whole), (encoding_by_all, whole_by_all) = found[1], found[cores]
    print(
        f"{cores} cores against one: encoding {encoding / encoding_by_all:.2f} ×, "
        f"all before the first step {whole / whole_by_all:.2f} ×"
    )
    del os.environ[BOUND]
    if bound is not None:
        os.environ[BOUND] = bound


def count(prepared: Prepared) -> None:
    """Count pairs of tokens, as every new run does."""
    corpus = prepared.corpus
    assert corpus is not None
    count_baselines(
        corpus.train_tokens, corpus.validation_tokens, prepared.tokenizer.vocab_size
    )


def compare_reading(
    prepared: Prepared, config: RunConfig, path: Path, memory: Memory, steps: int
) -> None:
    """Print how fast tokens are read, beside how fast they are learned from."""
    speeds: dict[str, float] = {}
    corpus, train_config = prepared.corpus, config.train
    assert corpus is not None
    context = config.model.max_seq_len
    windows = WindowSampler(corpus.train_tokens, context, train_config.batch_size, 0)
    stream = StreamingTextDataset(path, prepared.tokenizer, context)

    def learn() -> None:
        speeds["learning"] = train(prepared, path.parent, steps)

    def draw() -> None:
        begin = time.perf_counter()
        for step in range(10 * steps):
            windows.batch(step)
        tokens = 10 * steps * train_config.batch_size * context
        speeds["windows"] = tokens / (time.perf_counter() - begin)

    def read_on() -> None:
        begin, read = time.perf_counter(), 0
        for one in islice(stream, 20_000):
            read += len(one["labels"])
        speeds["stream"] = read / (time.perf_counter() - begin)

    for name, work in (("learning", learn), ("windows", draw), ("stream", read_on)):
        _, peak = memory.timed(work)
        speed = speeds[name]
        print(
            f"{name:<44} {speed:12,.0f} tokens/s"
            f" {speed / speeds['learning']:8.1f} × learning {peak:6.0f} MB more"
        )


def report(what: str, seconds: float, peak: float) -> None:
    """Print a line of the table."""
    print(f"{what:<44} {seconds:8.2f} s {peak:10.0f} MB more")


class Stages:
    """Notes how long each stage of a preparation takes, and shows it on a terminal."""

    def __init__(self, memory: Memory) -> None:
        self.seconds: dict[str, float] = {}
        self.children: list[float] = []
        """What each process that encodes holds near the end, in MB."""
        self._memory = memory
        self._last = time.perf_counter()

    def __call__(self, activity: str, share: float) -> None:
        """Hear what is being done, and which share of it is done."""
        now = time.perf_counter()
        self.seconds[activity] = self.seconds.get(activity, 0.0) + now - self._last
        self._last = now
        if activity == "encoding the text" and share > _NEAR_THE_END:
            self.children = self.children or self._memory.of_children()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{activity:<40} {share:6.1%} ")


def main() -> None:
    """Read the arguments, make the text, measure, and remove all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=num_bytes, default="200MB", help="200MB, 2GB")
    parser.add_argument("--tokenizer", choices=("char", "bpe"), default="bpe")
    parser.add_argument("--steps", type=int, default=100, help="steps to learn")
    parser.add_argument("--directory", type=Path, help="where to put it all")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < SPACE * arguments.size:
            needed = SPACE * arguments.size / 1e9
            sys.exit(f"{needed:.1f} GB are needed, {free / 1e9:.1f} GB are free.")
        os.environ["MINIGPT_DATA"] = name
        path = folder / "text.txt"
        write_text(path, arguments.size)
        measure(path, arguments.tokenizer, arguments.steps)


if __name__ == "__main__":
    main()
