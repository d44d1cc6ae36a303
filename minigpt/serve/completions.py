"""`/v1/completions`: prompts that are continued."""

from typing import ClassVar

from minigpt.generation.batch.draft import Draft
from minigpt.serve.answering import Json, Voice, finish_reason
from minigpt.serve.bodies import CompletionBody
from minigpt.serve.errors import ApiError
from minigpt.serve.jobs import Job
from minigpt.serve.served import Served


class Completion(Voice):
    """Tells a text, after its prompt if `echo` asks for it."""

    prefix: ClassVar[str] = "cmpl"
    whole: ClassVar[str] = "text_completion"
    part: ClassVar[str] = "text_completion"
    body: CompletionBody

    def told(self, draft: Draft) -> str:
        """Return the text, as it is."""
        if not self.body.echo:
            return draft.text
        return self.served.tokenizer.decode(draft.prompt_tokens) + draft.text

    def choice(self, draft: Draft, text: str, span: slice) -> Json:
        """Return a text, or a part of it."""
        numbers = None
        if self.body.logprobs is not None:
            numbers = self._log_probs(draft, span)
        return {
            "text": text,
            "logprobs": numbers,
            "finish_reason": finish_reason(draft),
            "seed": draft.seed,
        }

    change = choice

    def _log_probs(self, draft: Draft, span: slice) -> Json:
        """Return every token that was chosen, those that ended the text included."""
        piece, choices = self.served.tokenizer.piece, draft.choices[span]
        return {
            "tokens": [piece(choice.token) for choice in choices],
            "token_logprobs": [choice.log_prob for choice in choices],
            "top_logprobs": [
                {piece(token): value for token, value in choice.likeliest}
                for choice in choices
            ],
            "text_offset": draft.offsets[span],
        }


def completion_job(served: Served, body: CompletionBody) -> Job:
    """Return what a request wants to have written.

    Raises:
        ApiError: If it cannot be.
    """
    if body.echo and body.logprobs is not None:
        raise ApiError(400, "echo gives the prompt's text, not its logprobs.", "echo")
    served.require_count(len(body.prompt) * body.n, "n")
    prompts = [served.tokens_of(item, "prompt") for item in body.prompt]
    served.require_length(body.max_tokens)
    drafts = served.drafts(body, prompts, body.max_tokens, body.logprobs or 0)
    return Job(drafts, repeats=body.n)
