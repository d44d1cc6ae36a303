"""The lines of Python behind the figures of beam search."""

from minigpt.generation.beam.tree import ScoredText
from pages.beam_search.numbers import Source


def tree(source: Source, steps: int) -> str:
    """Return the lines behind the tree; they end with `drawn`, every candidate's sum.

    Args:
        source: The model, prompt and settings.
        steps: How many the search took.
    """
    _, _, config, eos_id = source.arguments
    width = config.num_beams
    ends = "None" if eos_id is None else str(eos_id)
    return _begin(source) + (
        f"width, end = {width}, {ends}\n"
        "texts, sums, drawn = tokens, torch.zeros(1), []\n"
        f"for step in range({steps}):\n"
        f"{_next_log_probs('texts', source)}"
        "    totals = sums[:, None] + log_p  # [text vocab]\n"
        "    best = totals.flatten().topk(min(2 * width, totals.numel()))\n"
        "    drawn += best.values.tolist()\n"
        "    rows, ids = best.indices // len(log_p[0]), best.indices % len(log_p[0])\n"
        "    go_on = [i for i, token in enumerate(ids) if token != end][:width]\n"
        "    texts = torch.cat([texts[rows[go_on]], ids[go_on, None]], dim=1)\n"
        "    sums = best.values[go_on]\n"
    )


def sums(source: Source, texts: list[ScoredText]) -> str:
    """Return the lines behind the table; they end with `sums`, one per text."""
    written = ",\n".join(f"    {text.tokens}" for text in texts)
    return _begin(source) + (
        f"written = [\n{written},\n]\n"
        "sums = []\n"
        "for text in written:\n"
        "    read, total = tokens, 0.0\n"
        "    for token in text:\n"
        f"{_next_log_probs('read', source, indent=8)}"
        "        total += float(log_p[0, token])\n"
        "        read = torch.cat([read, torch.tensor([[token]])], dim=1)\n"
        "    sums.append(total)\n"
    )


def _begin(source: Source) -> str:
    """Return the token that an empty prompt begins with; else nothing is missing."""
    if source.prompt:
        return ""
    return f"tokens = torch.tensor([{source.tokens}])  # nothing begins from here\n"


def _next_log_probs(texts: str, source: Source, indent: int = 4) -> str:
    penalty = source.config.repetition_penalty
    lines = [
        "with torch.inference_mode():",
        f"    log_p = model({texts})[:, -1].log_softmax(-1)",
    ]
    if penalty != 1.0:
        seen = f"log_p.gather(1, {texts}) * {penalty}"
        lines.append(f"log_p = log_p.scatter(1, {texts}, {seen})")
    return "".join(f"{' ' * indent}{line}\n" for line in lines)
