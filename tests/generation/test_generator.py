import itertools
import math
import threading

import pytest
import torch
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.config import GenerationConfig
from minigpt.errors import CheckpointError, ConfigError, DataError
from minigpt.generation import Generator
from minigpt.generation.window import Window
from minigpt.model import MLPLM, TransformerLM
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "the quick brown fox jumps over the lazy dog. "


def tokenizer_for(text: str = TEXT) -> CharTokenizer:
    tokenizer = CharTokenizer()
    tokenizer.build_vocab([text])
    return tokenizer


def lively(model):
    """Give a new model weights that make some tokens much likelier than others."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def small_generator(max_seq_len: int = 64, **sizes) -> Generator:
    torch.manual_seed(0)
    tokenizer = tokenizer_for()
    settings = {"d_model": 32, "num_layers": 2, "num_heads": 4, **sizes}
    model = TransformerLM(
        vocab_size=tokenizer.vocab_size, max_seq_len=max_seq_len, **settings
    )
    return Generator(lively(model), tokenizer, device="cpu")


def sampling(**changes) -> GenerationConfig:
    return GenerationConfig(**{"max_new_tokens": 20, "seed": 1, **changes})


def test_greedy_writes_what_transformers_writes():
    tokenizer = tokenizer_for()
    reference = random_gpt2(3, vocab_size=tokenizer.vocab_size)
    model = copy_gpt2(reference)
    config = GenerationConfig(strategy="greedy", max_new_tokens=30, stop_at_eos=False)
    generation = Generator(model, tokenizer, "cpu").generate("the", config)
    expected = reference.generate(
        torch.tensor([tokenizer.encode("the")]),
        max_new_tokens=30,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert generation.tokens == expected[0, 3:].tolist()


def test_the_tutorials_three_methods_return_prompt_and_continuation():
    generator = small_generator()
    for text in (
        generator.generate_greedy(prompt="the quick", max_new_tokens=8),
        generator.generate_sampling(prompt="the quick", max_new_tokens=8, top_k=10),
        generator.generate_beam_search(
            prompt="the quick", max_new_tokens=8, num_beams=3
        ),
    ):
        assert text.startswith("the quick")
        assert len(text) > len("the quick")


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    generator = small_generator()
    first, again, other = (
        generator.generate("the", sampling(seed=seed)).tokens for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_temperature_zero_is_greedy():
    generator = small_generator()
    cold = generator.generate("the", sampling(temperature=0.0, seed=None)).tokens
    greedy = generator.generate("the", sampling(strategy="greedy")).tokens
    assert cold == greedy


def test_a_stream_takes_the_same_steps_as_generate():
    generator = small_generator()
    generation = generator.generate("the", sampling())
    steps = list(generator.stream("the", sampling()))
    assert [step.token for step in steps] == generation.tokens
    assert [step.piece for step in steps] == generation.pieces
    assert [s.log_prob for s in steps] == pytest.approx(generation.log_probs)
    assert steps[-1].text_so_far == generation.text


def test_each_step_tells_the_models_distribution():
    generator = small_generator()
    tokens = generator.tokenizer.encode("the")
    for step in generator.stream("the", sampling(top_k=5, temperature=0.5)):
        probabilities = generator.model(torch.tensor([tokens]))[0, -1].softmax(dim=-1)
        assert step.probability == pytest.approx(
            probabilities[step.token].item(), abs=1e-5
        )
        assert step.log_prob == pytest.approx(math.log(step.probability), abs=1e-4)
        entropy = -(probabilities * probabilities.log()).sum().item()
        assert step.entropy == pytest.approx(entropy, abs=1e-4)
        assert step.top_probabilities == pytest.approx(
            probabilities[step.top_tokens].tolist(), abs=1e-5
        )
        assert sum(p > 0 for p in step.top_filtered) == 5
        assert sum(step.top_filtered) == pytest.approx(1.0, abs=1e-5)
        tokens.append(step.token)


def test_forced_tokens_are_history():
    generator = small_generator()
    forced = generator.tokenizer.encode("xyz")
    steps = list(generator.stream("the", sampling(), forced=forced))
    assert [step.token for step in steps[:3]] == forced
    assert [step.forced for step in steps[:4]] == [True, True, True, False]
    longer = generator.generate("thexyz", sampling(strategy="greedy"))
    after = generator.generate("the", sampling(strategy="greedy"), forced=forced)
    assert after.tokens[3:] == longer.tokens[: len(after.tokens) - 3]


def test_it_stops_at_the_end_of_text_unless_told_otherwise():
    generator = small_generator()
    with torch.no_grad():  # make the end of text the likeliest token by far
        weight = generator.model.token_embedding.weight
        weight[generator.tokenizer.eos_id] = 0
        generator.model.ln_final.weight.zero_()
        generator.model.ln_final.bias.copy_(-weight.sum(dim=0))
    stopped = generator.generate("the", sampling(strategy="greedy"))
    assert stopped.stop_reason in ("eos", "length")
    likeliest = stopped.tokens[0]
    generator.tokenizer.eos_id = likeliest
    stopped = generator.generate("the", sampling(strategy="greedy"))
    assert (stopped.tokens, stopped.stop_reason) == ([likeliest], "eos")
    on = generator.generate("the", sampling(strategy="greedy", stop_at_eos=False))
    assert len(on.tokens) == 20
    assert on.stop_reason == "length"


def test_a_full_window_forgets_its_older_half_and_says_so():
    generator = small_generator(max_seq_len=16)
    steps = list(generator.stream("the", sampling(max_new_tokens=40)))
    places = [step.position for step in steps if step.forgot]
    assert places[0] == 14  # after 3 + 13 tokens the window is full
    assert len(steps) == 40
    written = generator.tokenizer.encode("the") + [s.token for s in steps[:14]]
    logits = generator.model(torch.tensor([written[-8:]]))[0, -1]
    expected = logits.log_softmax(dim=-1)[steps[14].token].item()
    assert steps[14].log_prob == pytest.approx(expected, abs=1e-4)


def test_a_growing_texts_logits_are_those_of_the_whole_text():
    model = small_generator().model
    text = torch.tensor([[5, 6, 7, 8, 9, 4], [9, 8, 7, 6, 5, 4]])
    window = Window(model, batch_size=2, total_length=6)
    for length in (3, 4, 6):
        logits = window.next_logits(text[:, :length])
        assert torch.allclose(logits, model(text[:, :length])[:, -1], atol=1e-4)


def test_the_baseline_writes_too():
    tokenizer = tokenizer_for()
    model = lively(MLPLM(vocab_size=tokenizer.vocab_size, max_seq_len=16))
    text = Generator(model, tokenizer, "cpu").generate_greedy("the", 40)
    assert len(text) > 10


def test_a_prompt_longer_than_the_window_is_refused_with_both_numbers():
    generator = small_generator(max_seq_len=16)
    with pytest.raises(DataError, match=r"20 tokens long.*max_seq_len = 16.*by 4"):
        generator.generate("t" * 20)


def test_unknown_characters_are_said_and_read_as_unk():
    generation = small_generator().generate("thé", sampling())
    assert generation.prompt_tokens[-1] == 1
    assert generation.warnings == ["The model never saw 'é': read as <unk>."]


def test_an_empty_prompt_begins_where_another_text_ends():
    generation = small_generator().generate("", sampling())
    assert generation.prompt_tokens == [3]
    assert generation.full_text == generation.text


def test_words_are_joined_as_they_are_read():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(["the quick fox , the dog ."])
    torch.manual_seed(0)
    model = lively(TransformerLM(vocab_size=tokenizer.vocab_size, d_model=32))
    generation = Generator(model, tokenizer, "cpu").generate("the quick", sampling())
    assert generation.full_text == tokenizer.decode(
        generation.prompt_tokens + generation.tokens
    )


def test_streaming_bytes_never_ends_in_the_middle_of_a_character():
    tokenizer = BPETokenizer(vocab_size=260)
    tokenizer.build_vocab(["añb😀c"])
    torch.manual_seed(0)
    model = lively(TransformerLM(vocab_size=tokenizer.vocab_size, d_model=32))
    generator = Generator(model, tokenizer, "cpu")
    forced = tokenizer.encode("😀!")
    steps = list(generator.stream("a", sampling(), forced=forced))
    assert steps[4].text_so_far == "😀!"


def test_beam_search_has_no_stream():
    with pytest.raises(ConfigError, match="use generate"):
        next(small_generator().stream("the", sampling(strategy="beam")))


def test_a_gpus_tutorial_runs_without_a_gpu():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    generator = small_generator()
    with pytest.warns(UserWarning, match="has no cuda"):
        Generator(generator.model, generator.tokenizer, device="cuda")


def test_threads_that_share_a_model_write_what_they_write_alone():
    generator = small_generator()
    alone = [generator.generate("the", sampling(seed=s)).tokens for s in range(4)]
    together: dict[int, list[int]] = {}

    def write(seed: int) -> None:
        steps = generator.stream("the", sampling(seed=seed))
        together[seed] = [step.token for step in steps]

    threads = [threading.Thread(target=write, args=(s,)) for s in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[seed] for seed in range(4)] == alone


def test_forcing_a_texts_own_tokens_changes_nothing_that_follows():
    generator = small_generator()
    tokens = generator.generate("the", sampling()).tokens
    again = generator.generate("the", sampling(), forced=tokens[:7])
    assert again.tokens == tokens


def test_a_text_without_a_seed_names_the_one_it_got():
    generator = small_generator()
    generation = generator.generate("the", sampling(seed=None))
    again = generator.generate("the", sampling(seed=generation.seed))
    assert again.tokens == generation.tokens


def test_writing_stops_at_a_stop_text_and_leaves_it_out():
    generator = small_generator()
    whole = generator.generate("the", sampling(stop_at_eos=False)).text
    stop = whole[6:8]
    generation = generator.generate("the", sampling(stop_at_eos=False), stop=[stop])
    assert generation.stop_reason == "stop"
    assert generation.text == whole[: whole.index(stop)]
    steps = list(generator.stream("the", sampling(stop_at_eos=False), stop=[stop]))
    assert steps[-1].text_so_far.endswith(stop)


def test_streamed_text_only_grows_and_ends_as_the_whole_text():
    tokenizer = BPETokenizer(vocab_size=270)
    tokenizer.build_vocab(["añb😀c日本 " * 3])
    torch.manual_seed(0)
    model = lively(TransformerLM(vocab_size=tokenizer.vocab_size, d_model=32))
    generator = Generator(model, tokenizer, "cpu")
    settings = sampling(max_new_tokens=60, stop_at_eos=False)
    forced = tokenizer.encode("日😀ñ 本")
    steps = list(generator.stream("añ", settings, forced=forced))
    for before, after in itertools.pairwise(steps):
        assert after.text_so_far.startswith(before.text_so_far)
    whole = generator.generate("añ", settings, forced=forced)
    assert steps[-1].text_so_far == whole.text
    assert whole.text.startswith("日😀ñ 本")


def test_a_consumer_of_a_stream_is_not_in_inference_mode():
    for _ in small_generator().stream("the", sampling(max_new_tokens=2)):
        assert not torch.is_inference_mode_enabled()


def test_hooks_of_the_consumer_act_on_a_stream():
    generator = small_generator()
    seen = []
    with generator.model.hooks([("hook_embed", lambda x, hook: seen.append(x.shape))]):
        list(generator.stream("the", sampling(max_new_tokens=3, stop_at_eos=False)))
    assert [shape[1] for shape in seen] == [3, 1, 1]  # the prompt, then single tokens


def test_no_temperature_is_too_low():
    generator = small_generator()
    greedy = generator.generate("the", sampling(strategy="greedy")).tokens
    for temperature in (1e-45, 1e-29, 1e-6):
        settings = sampling(temperature=temperature)
        assert generator.generate("the", settings).tokens == greedy


def test_a_model_and_a_foreign_tokenizer_are_refused():
    with pytest.raises(ConfigError, match=r"vocab_size .* tokenizer"):
        Generator(small_generator().model, tokenizer_for("abc"), "cpu")


def test_a_forced_token_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match="no token 999"):
        small_generator().stream("the", sampling(), forced=[999])


def test_a_diverged_model_is_said_to_be_one():
    generator = small_generator()
    with torch.no_grad():
        generator.model.ln_final.bias[0] = torch.nan
    with pytest.raises(CheckpointError, match="training diverged"):
        generator.generate("the", sampling())
