"""The generator: text in, text out.

`Generator` joins a model and a tokenizer. It reads a prompt, lets `sample` or `beam`
choose tokens, and turns them into text again, all at once (`generate`) or token by
token with the alternatives to each (`stream`).
"""

from collections.abc import Iterator, Sequence

import torch

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation.beam.search import beam_search
from minigpt.generation.prompt import encode_prompt
from minigpt.generation.result import Generation, StopReason
from minigpt.generation.sample import Sampler
from minigpt.generation.step import TokenStep, describe
from minigpt.generation.stops import before_stop
from minigpt.generation.text import TextWriter
from minigpt.model import LanguageModel
from minigpt.model.device import resolve_device
from minigpt.tokenizers import Tokenizer


class Generator:
    """Writes text with a model.

    Any number of threads may use generators of one model. Making one moves the model
    to the device and switches dropout off (`model.eval()`).

    A text may grow longer than `max_seq_len`: see `Window`. An empty prompt starts
    from a special token: see `encode_prompt`.

    Args:
        model: The model that writes.
        tokenizer: The one that the model was trained with.
        device: auto, cpu, cuda, cuda:1 or mps.
        last_only: Truncate an over-long prompt from the left instead of raising.
        watched: Compute every token with the model's modules, never with the fast
            decoder, as the pages do that show their source.

    Raises:
        ConfigError: If the device does not exist, or the two do not fit together.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        device: str | torch.device = "auto",
        *,
        last_only: bool = False,
        watched: bool = False,
    ) -> None:
        if model.config.vocab_size != tokenizer.vocab_size:
            raise ConfigError(
                f"The model has vocab_size {model.config.vocab_size} and the tokenizer "
                f"{tokenizer.vocab_size}: use the tokenizer the model was trained with."
            )
        target = resolve_device(str(device))
        if model.device != target:
            model.to(target)
        if model.training:
            model.eval()
        self.model = model
        self.tokenizer = tokenizer
        self.last_only = last_only
        self.watched = watched

    def generate_greedy(self, prompt: str, max_new_tokens: int = 100) -> str:
        """Return a prompt and its continuation by the likeliest token each time."""
        config = GenerationConfig(strategy="greedy", max_new_tokens=max_new_tokens)
        return self.generate(prompt, config).full_text

    def generate_sampling(
        self,
        prompt: str,
        max_new_tokens: int = 100,
        temperature: float = 0.8,
        top_k: int | None = 50,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Continue a prompt with tokens drawn at random.

        Takes the settings of `GenerationConfig` one by one, because the tutorials call
        it so; `generate` takes them together.

        Returns:
            The prompt and its continuation.
        """
        config = GenerationConfig(
            strategy="sampling",
            max_new_tokens=max_new_tokens,
            temperature=float(temperature),
            top_k=top_k,
            top_p=None if top_p is None else float(top_p),
            min_p=None if min_p is None else float(min_p),
            repetition_penalty=float(repetition_penalty),
            seed=seed,
        )
        return self.generate(prompt, config).full_text

    def generate_beam_search(
        self,
        prompt: str,
        max_new_tokens: int = 100,
        num_beams: int = 5,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
    ) -> str:
        """Return a prompt and the likeliest continuation that a beam search finds."""
        config = GenerationConfig(
            strategy="beam",
            max_new_tokens=max_new_tokens,
            num_beams=num_beams,
            length_penalty=float(length_penalty),
            early_stopping=early_stopping,
        )
        return self.generate(prompt, config).full_text

    def generate(
        self,
        prompt: str,
        config: GenerationConfig | None = None,
        forced: Sequence[int] = (),
        stop: Sequence[str] = (),
    ) -> Generation:
        """Continue a prompt.

        Args:
            prompt: The text to continue; may be empty.
            config: How (none: the defaults).
            forced: The first tokens of the continuation, whatever the model would
                choose; beam search takes none.
            stop: Texts that end the writing; they do not appear in the result.

        Raises:
            DataError: If the prompt is longer than the model's window, or a forced
                token does not exist.
        """
        config = config or GenerationConfig()
        write = self._search if config.strategy == "beam" else self._sample
        return write(prompt, config, forced, stop)

    def _sample(
        self,
        prompt: str,
        config: GenerationConfig,
        forced: Sequence[int],
        stop: Sequence[str],
    ) -> Generation:
        tokens, warnings = self.encode_prompt(prompt)
        sampler = self._sampler(tokens, config, forced)
        writer = TextWriter(self.tokenizer, tokens)
        log_probs, forgot = [], 0
        reason: StopReason = "length"
        while not sampler.is_done:
            draw = sampler.draw()
            log_probs.append(draw.log_prob)
            forgot = draw.forgot
            text = writer.add(draw.token) if stop else writer.keep(draw.token)
            if any(word in text for word in stop):
                reason = "stop"
                break
        if sampler.has_ended:
            reason = "eos"
        return Generation(
            prompt=prompt,
            prompt_tokens=tokens,
            text=before_stop(writer.finish(), stop),
            tokens=writer.tokens,
            pieces=self.tokenizer.pieces(writer.tokens),
            log_probs=log_probs,
            stop_reason=reason,
            warnings=warnings,
            forgot=forgot,
            seed=sampler.seed,
        )

    def stream(
        self,
        prompt: str,
        config: GenerationConfig | None = None,
        forced: Sequence[int] = (),
        num_alternatives: int = 10,
        stop: Sequence[str] = (),
    ) -> Iterator[TokenStep]:
        """Continue a prompt token by token, each with the alternatives to it.

        Nothing is computed ahead of the consumer, who may stop at any token.

        Args:
            prompt: The text to continue; may be empty.
            config: How (none: the defaults). Beam search cannot be streamed.
            forced: The first tokens of the continuation, whatever the model
                would choose; written even if `max_new_tokens` is smaller.
            num_alternatives: How many of the likeliest tokens each step names.
            stop: Texts after which the writing ends.

        Raises:
            ConfigError: If the strategy is beam search.
            DataError: If the prompt is longer than the model's window, or a forced
                token does not exist.
        """
        config = config or GenerationConfig()
        if config.strategy == "beam":
            raise ConfigError(
                "Beam search finds whole texts and has no stream: use generate, or "
                "choose strategy greedy or sampling."
            )
        tokens, _ = self.encode_prompt(prompt)
        sampler = self._sampler(tokens, config, forced)
        writer = TextWriter(self.tokenizer, tokens)
        return self._steps(sampler, writer, num_alternatives, stop)

    def _steps(
        self,
        sampler: Sampler,
        writer: TextWriter,
        num_alternatives: int,
        stop: Sequence[str],
    ) -> Iterator[TokenStep]:
        while not sampler.is_done:
            draw = sampler.draw()
            text = writer.add(draw.token)
            if sampler.is_done:
                text = writer.finish()
            place = sampler.num_written - 1
            yield describe(draw, place, text, self.tokenizer, num_alternatives)
            if any(word in text for word in stop):
                return

    def encode_prompt(self, prompt: str) -> tuple[list[int], list[str]]:
        """Turn a prompt into tokens, with warnings about what is unknown.

        Raises:
            DataError: If the prompt is longer than the model's window.
        """
        limit = self.model.config.max_seq_len
        return encode_prompt(prompt, self.tokenizer, limit, last_only=self.last_only)

    def _sampler(
        self, tokens: list[int], config: GenerationConfig, forced: Sequence[int]
    ) -> Sampler:
        self.tokenizer.pieces(forced)  # raises for a token that does not exist
        eos_id = self._eos_id(config)
        return Sampler(self.model, tokens, config, eos_id, forced, watched=self.watched)

    def _search(
        self,
        prompt: str,
        config: GenerationConfig,
        forced: Sequence[int],
        stop: Sequence[str],
    ) -> Generation:
        if forced:
            raise ConfigError(
                "Beam search takes no forced tokens: put them into the prompt, or "
                "choose strategy greedy or sampling."
            )
        prompt_tokens, warnings = self.encode_prompt(prompt)
        eos_id = self._eos_id(config)
        result = beam_search(
            self.model, prompt_tokens, config, eos_id, watched=self.watched
        )
        best = result.sequences[0]
        writer = TextWriter(self.tokenizer, prompt_tokens)
        for token in best.tokens:
            writer.keep(token)
        text = writer.finish()
        reason: StopReason = "eos" if best.tokens[-1] == eos_id else "length"
        if any(word in text for word in stop):
            reason = "stop"
        return Generation(
            prompt=prompt,
            prompt_tokens=prompt_tokens,
            text=before_stop(text, stop),
            tokens=best.tokens,
            pieces=self.tokenizer.pieces(best.tokens),
            log_probs=best.log_probs,
            stop_reason=reason,
            warnings=warnings,
            forgot=result.forgot,
            seed=None,
            beams=result,
        )

    def _eos_id(self, config: GenerationConfig) -> int | None:
        return self.tokenizer.eos_id if config.stop_at_eos else None
