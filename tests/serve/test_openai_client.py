"""The client that people have: its answers are the library's own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from minigpt.config import GenerationConfig
from minigpt.finetuning.answering import reply
from minigpt.generation import Generator
from minigpt.interpret.interventions.interventions import fwd_hooks, read_ablation
from minigpt.tokenizers.chat import Message, encode_prompt_for_answer

from .conftest import KEY, serving

openai = pytest.importorskip("openai")

PROMPT = "Once upon a time, there was a"
QUESTION = "Mia had a red kite. Tom found a stone. Who had the kite?"
ASKED = [{"role": "user", "content": QUESTION}]
SAMPLING = GenerationConfig(
    max_new_tokens=24, temperature=1.0, top_k=None, top_p=0.9, seed=7
)
SETTINGS = {"max_tokens": 24, "temperature": 1.0, "top_p": 0.9, "seed": 7}


@pytest.fixture(scope="module")
def client(service):
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0)


@pytest.fixture(scope="module")
def generator(service):
    return Generator(service.served.model, service.served.tokenizer, device="cpu")


def test_the_model_is_listed_and_found(client):
    assert [model.id for model in client.models.list()] == ["tales-chat"]
    assert client.models.retrieve("tales-chat").owned_by == "minigpt"
    with pytest.raises(openai.NotFoundError, match="tales-chat"):
        client.models.retrieve("gpt-4")


def test_a_name_with_a_slash_is_found_too():
    with serving("tales", name="class/tales") as running:
        own = openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0)
        (listed,) = own.models.list()
        assert own.models.retrieve(listed.id) == listed


def test_samples_have_the_texts_and_log_probabilities_of_their_seeds(client, generator):
    got = client.completions.create(
        model="tales-chat", prompt=[PROMPT, "A"], n=2, logprobs=2, **SETTINGS
    )
    assert [choice.index for choice in got.choices] == [0, 1, 2, 3]
    written = read = 0
    for number, choice in enumerate(got.choices):
        prompt = [PROMPT, "A"][number // 2]
        own = generator.generate(prompt, SAMPLING.replace(seed=7 + number % 2))
        assert choice.text == own.text
        assert choice.logprobs.tokens == own.pieces
        assert choice.logprobs.token_logprobs == pytest.approx(own.log_probs, abs=1e-4)
        assert all(len(top) <= 2 for top in choice.logprobs.top_logprobs)
        for place, piece in zip(
            choice.logprobs.text_offset, choice.logprobs.tokens, strict=True
        ):
            assert choice.text.startswith(piece, place)
        written += len(own.tokens)
        read += 0 if number % 2 else len(own.prompt_tokens)
    assert (got.usage.prompt_tokens, got.usage.completion_tokens) == (read, written)


def test_stop_texts_and_tokens_for_a_prompt_work_as_in_the_library(client, generator):
    tokens = generator.tokenizer.encode(PROMPT)
    got = client.completions.create(
        model="tales-chat", prompt=tokens, stop=["She", "."], echo=True, **SETTINGS
    )
    own = generator.generate(PROMPT, SAMPLING, stop=["She", "."])
    assert got.choices[0].text == own.full_text
    assert got.choices[0].finish_reason == "stop"
    assert own.stop_reason == "stop"


@pytest.mark.parametrize("stop", [None, ["kite", " a b"]])
def test_a_stream_adds_up_to_the_whole(client, stop):
    asked = {"model": "tales-chat", "prompt": PROMPT, "n": 2, "stop": stop}
    whole = client.completions.create(**asked, logprobs=1, **SETTINGS)
    texts, tokens, reasons = ["", ""], [[], []], [[], []]
    usage = None
    for event in client.completions.create(
        **asked,
        logprobs=1,
        **SETTINGS,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = event.usage or usage
        for choice in event.choices:
            texts[choice.index] += choice.text
            tokens[choice.index] += choice.logprobs.tokens
            reasons[choice.index].append(choice.finish_reason)
    assert texts == [choice.text for choice in whole.choices]
    assert tokens == [choice.logprobs.tokens for choice in whole.choices]
    for choice, seen in zip(whole.choices, reasons, strict=True):
        assert seen == [None] * (len(seen) - 1) + [choice.finish_reason]
    assert usage == whole.usage


def test_an_answer_is_the_librarys_reply_whole_and_as_a_stream(client, service):
    said = [Message("user", QUESTION)]
    own = reply(service.served.model, service.served.tokenizer, said)
    asked = {"model": "tales-chat", "messages": ASKED, "temperature": 0}
    whole = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
    assert whole.choices[0].message.content == own
    assert whole.choices[0].finish_reason == "stop"
    parts = list(client.chat.completions.create(**asked, stream=True))
    deltas = [part.choices[0].delta for part in parts]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == own
    with torch.inference_mode():
        read = encode_prompt_for_answer(said, service.served.tokenizer)
        logits = service.served.model(torch.tensor([read]))[0, -1].log_softmax(-1)
    first = whole.choices[0].logprobs.content[0]
    top = logits.topk(3).values.tolist()
    assert [one.logprob for one in first.top_logprobs] == pytest.approx(top, abs=1e-4)
    assert bytes(first.bytes).decode() == first.token


def test_a_conversation_may_come_in_parts_and_end_where_the_window_does(client):
    parts = [{"type": "text", "text": each} for each in (QUESTION[:20], QUESTION[20:])]
    turns = [{"role": "user", "content": parts}]
    one, other = (
        client.chat.completions.create(
            model="tales-chat",
            messages=messages,
            max_completion_tokens=longest,
            extra_body={"ignore_eos": True},
            temperature=0,
        )
        for messages, longest in ((turns, 400), (ASKED, 6))
    )
    start = other.choices[0].message.content
    assert one.choices[0].message.content.startswith(start)
    assert one.choices[0].finish_reason == other.choices[0].finish_reason == "length"
    assert (one.usage.total_tokens, other.usage.completion_tokens) == (256, 6)


def test_many_clients_at_once_get_what_each_would_get_alone(client, generator):
    def ask(number):
        return client.completions.create(
            model="tales-chat",
            prompt=PROMPT[: 2 + 3 * number],
            **SETTINGS | {"seed": number, "max_tokens": 6 + 3 * number},
        )

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(8)))
    for number, answer in enumerate(got):
        config = SAMPLING.replace(seed=number, max_new_tokens=6 + 3 * number)
        own = generator.generate(PROMPT[: 2 + 3 * number], config)
        assert answer.choices[0].text == own.text


@pytest.mark.parametrize("form", ["float", "base64"])
def test_an_embedding_is_the_mean_of_what_the_unembedding_reads(client, service, form):
    texts = ["A cat sat.", "Once"]
    got = client.embeddings.create(
        model="tales-chat", input=texts, encoding_format=form
    )
    model, tokenizer = service.served.model, service.served.tokenizer
    for text, entry in zip(texts, got.data, strict=True):
        with torch.inference_mode():
            _, cache = model.run_with_cache(torch.tensor([tokenizer.encode(text)]))
        own = cache["ln_final.hook_normalized"][0].mean(0)
        vector = entry.embedding
        if form == "base64":
            import base64

            vector = np.frombuffer(base64.b64decode(vector), "<f4")
        np.testing.assert_allclose(vector, own / own.norm(), atol=1e-5)


def test_an_intervention_changes_its_own_request_only(client, service, generator):
    ablated = ["L0H1", "MLP1 x0.5"]

    def ask(extra):
        return client.completions.create(
            model="tales-chat", prompt=PROMPT, extra_body=extra, **SETTINGS
        )

    with ThreadPoolExecutor(2) as pool:
        changed, plain = pool.map(ask, ({"interventions": ablated}, {}))
    hooks = fwd_hooks(service.served.model, [read_ablation(text) for text in ablated])
    with service.served.model.hooks(hooks):
        own = generator.generate(PROMPT, SAMPLING)
    assert changed.choices[0].text == own.text
    assert plain.choices[0].text == generator.generate(PROMPT, SAMPLING).text
    assert changed.choices[0].text != plain.choices[0].text


def test_errors_are_the_clients_own(client, service):
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(model="tales-chat", prompt="a", temperature=3)
    assert refused.value.param == "temperature"
    stranger = openai.OpenAI(base_url=f"{service.url}/v1", api_key="no", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
