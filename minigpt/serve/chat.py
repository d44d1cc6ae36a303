"""`/v1/chat/completions`: conversations, by the template of the model's own."""

from typing import ClassVar

from minigpt.generation.batch.draft import Choice, Draft
from minigpt.serve.answering import Json, Voice, finish_reason
from minigpt.serve.bodies import ChatBody
from minigpt.serve.errors import ApiError
from minigpt.serve.jobs import Job
from minigpt.serve.served import Served
from minigpt.tokenizers.inspection.token_bytes import close_up


class Chat(Voice):
    """Tells an answer, without white space around it."""

    prefix: ClassVar[str] = "chatcmpl"
    whole: ClassVar[str] = "chat.completion"
    part: ClassVar[str] = "chat.completion.chunk"
    body: ChatBody

    def told(self, draft: Draft) -> str:
        """Return the text; space at its end is told when a word follows."""
        return draft.text.strip()

    def beginning(self) -> Json:
        """Say who speaks."""
        delta = {"role": "assistant", "content": ""}
        return {"delta": delta, "logprobs": None, "finish_reason": None}

    def choice(self, draft: Draft, text: str, span: slice) -> Json:
        """Return a whole answer."""
        message = {"role": "assistant", "content": text, "refusal": None}
        return {"message": message, **self._rest(draft, span)}

    def change(self, draft: Draft, text: str, span: slice) -> Json:
        """Return what is new of one."""
        return {"delta": {"content": text}, **self._rest(draft, span)}

    def _rest(self, draft: Draft, span: slice) -> Json:
        numbers = None
        if self.body.logprobs:
            content = [self._numbers(choice) for choice in draft.choices[span]]
            numbers = {"content": content, "refusal": None}
        return {
            "logprobs": numbers,
            "finish_reason": finish_reason(draft),
            "seed": draft.seed,
        }

    def _numbers(self, choice: Choice) -> Json:
        chosen = self._token(choice.token, choice.log_prob)
        return {
            **chosen,
            "top_logprobs": [self._token(*one) for one in choice.likeliest],
        }

    def _token(self, token: int, log_prob: float) -> Json:
        [seen] = close_up(self.served.tokenizer, [token])
        spelling = None if seen.spelling is None else list(seen.spelling)
        return {"token": seen.piece, "logprob": log_prob, "bytes": spelling}


def chat_job(served: Served, body: ChatBody) -> Job:
    """Return what a request wants to have written.

    Without a limit of its own, an answer may fill what the window leaves.

    Raises:
        ApiError: If it cannot be.
    """
    if body.top_logprobs and not body.logprobs:
        raise ApiError(400, "top_logprobs needs logprobs: true.", "top_logprobs")
    served.require_count(body.n, "n")
    tokens = served.conversation(body.messages)
    room = served.window - len(tokens)
    asked = body.max_completion_tokens or body.max_tokens
    served.require_length(asked or 1)
    longest = min(room, asked or served.settings.max_tokens)
    drafts = served.drafts(body, [tokens], longest, body.top_logprobs)
    return Job(drafts, repeats=body.n)
