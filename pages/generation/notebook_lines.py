"""The few lines of Python behind the figures of the Generation page."""

from collections.abc import Sequence

from minigpt.config import GenerationConfig
from minigpt.generation.opened_draw import OpenedDraw
from minigpt.generation.strategies import Attempt

_LINES = {
    "model": ("logits = model(tokens)[0, -1].detach().clone()",),
    "repetition_penalty": (
        "seen = torch.tensor({text}).unique()",
        "up, down = logits[seen] / {penalty}, logits[seen] * {penalty}",
        "logits[seen] = torch.where(logits[seen] < 0, down, up)",
    ),
    "temperature": ("logits = logits / {temperature}",),
    "top_k": (
        "kth = logits.topk(min({top_k}, len(logits))).values[-1]",
        "logits[logits < kth] = -torch.inf",
    ),
    "top_p": (
        "weights, order = logits.softmax(-1).sort()",
        "rare = weights.cumsum(-1) <= 1 - {top_p}  # the least likely, up to 1 − p",
        "rare[-1] = False",
        "logits[order[rare]] = -torch.inf",
    ),
    "min_p": (
        "p = logits.softmax(-1)",
        "logits[p < {min_p} * p.max()] = -torch.inf",
    ),
}
_COLD = (
    "best = logits.argmax()",
    "logits[torch.arange(len(logits)) != best] = -torch.inf",
)


def stages_recipe(
    draw: OpenedDraw, config: GenerationConfig, shown: Sequence[int]
) -> str:
    """Return lines that end with `stages`: each one's probabilities of some tokens.

    Args:
        draw: What the figure shows.
        config: Its settings.
        shown: The tokens that have a bar.
    """
    values = {
        "text": draw.text,
        "penalty": config.repetition_penalty,
        "temperature": config.temperature,
        "top_k": config.top_k,
        "top_p": config.top_p,
        "min_p": config.min_p,
    }
    lines = [f"tokens = torch.tensor([{draw.read}])", f"shown = {list(shown)}"]
    lines.append("stages = {}")
    for stage in draw.stages:
        cold = stage.name == "temperature" and config.temperature == 0
        lines += [
            line.format(**values) for line in (_COLD if cold else _LINES[stage.name])
        ]
        lines.append(f'stages["{stage.name}"] = logits.softmax(-1)[shown]')
    return "\n".join(lines)


def surprise_recipe(prompt: Sequence[int], tokens: Sequence[int]) -> str:
    """Return lines that end with `lines`: surprise and entropy of each token.

    Args:
        prompt: The prompt's tokens.
        tokens: Those written after it, while the model still saw the whole text.
    """
    return (
        f"prompt = {list(prompt)}\n"
        f"written = {list(tokens)}\n"
        "text = torch.tensor([prompt + written])\n"
        "log_p = model(text)[0, len(prompt) - 1 : -1].log_softmax(-1)\n"
        "came = torch.tensor(written)[:, None]\n"
        "lines = {\n"
        '    "surprise": -log_p.gather(1, came)[:, 0],\n'
        '    "entropy": -(log_p.exp() * log_p).sum(-1),\n'
        "}"
    )


def tree_recipe(
    prompt: str,
    config: GenerationConfig,
    count: int,
    forced: Sequence[int],
    *,
    last_only: bool,
) -> str:
    """Return lines that end with `first`: how many texts begin with each token.

    Args:
        prompt: What is continued.
        config: The settings of the first text.
        count: How many texts.
        forced: The tokens that all of them begin with.
        last_only: Whether only the end of the prompt is read.
    """
    start = config.seed or 0
    settings = {**config.to_dict(), "seed": None}
    return (
        "from collections import Counter\n"
        "from minigpt.config import GenerationConfig\n"
        "from minigpt.generation import Generator\n\n"
        f"generator = Generator(model, tokenizer, last_only={last_only})\n"
        f"config = GenerationConfig(**{settings!r})\n"
        f"forced = {list(forced)}\n"
        "first = Counter()\n"
        f"for seed in range({start}, {start + count}):\n"
        "    one = config.replace(seed=seed)\n"
        f"    text = generator.generate({prompt!r}, one, forced)\n"
        "    first[text.tokens[len(forced)]] += 1\n"
        "first = dict(sorted(first.items()))"
    )


def strategies_recipe(
    prompt: str, attempts: Sequence[Attempt], *, last_only: bool
) -> str:
    """Return lines that end with `means`: each strategy's mean log-probability.

    Args:
        prompt: What is continued.
        attempts: What the strategies wrote.
        last_only: Whether only the end of the prompt is read.
    """
    default = GenerationConfig().to_dict()
    lines = [
        "from minigpt.config import GenerationConfig",
        "from minigpt.generation import Generator",
        "",
        f"generator = Generator(model, tokenizer, last_only={last_only})",
        "strategies = {",
    ]
    for attempt in attempts:
        settings = attempt.config.to_dict().items()
        changed = {name: value for name, value in settings if value != default[name]}
        lines.append(f"    {attempt.name!r}: {changed!r},")
    lines += [
        "}",
        "means = {}",
        "for name, settings in strategies.items():",
        f"    text = generator.generate({prompt!r}, GenerationConfig(**settings))",
        "    means[name] = sum(text.log_probs) / len(text.log_probs)",
    ]
    return "\n".join(lines)
