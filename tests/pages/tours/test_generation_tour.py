"""Generation's tour: it draws, reshapes and cuts off, and says what the model does."""

from minigpt.interpret.openings.beginnings import read_beginning

PAGE, PROMPT = "pages/generation/generation.py", "the red kite"


def test_it_says_what_the_model_does_and_the_bars_follow(walk, checkpoint, view):
    tokens = checkpoint.tokenizer.encode(PROMPT)
    after = read_beginning(checkpoint.model, PROMPT, tokens)
    words, bars = [], []
    for app, stop in walk(PAGE, prompt=PROMPT):
        words.append(stop.words)
        if stop.region == "one_token":
            bars.append(view(app, "filter_stages"))
        elif stop.region == "written":
            assert view(app, "token_stream")["prompt"] == PROMPT
        else:
            assert view(app, "continuation_tree")["branches"]
    best = float(after.log_probs.max().exp())
    five = sum(map(after.probability, after.likeliest(5)))
    for number, said in {
        0: f"{best:.3f}",
        3: f"from {best:.3f} to {after.largest_at(0.5):.3f}",
        4: f"has {after.largest_at(2.0):.3f}",
        5: f"had {1 - five:.3f}",
        6: f"takes {after.nucleus_size(0.9)} of {checkpoint.tokenizer.vocab_size}",
    }.items():
        assert said in words[number]
    stages = [
        "model",
        "draw",
        "draw",
        "temperature",
        "temperature",
        "top_k",
        "top_p",
        "draw",
    ]
    assert [each["stage"] for each in bars] == stages
    drawn = [each["pieces"][each["tokens"].index(each["drawn"])] for each in bars]
    assert drawn[1] != drawn[2]
    for number in (1, 2, 7):
        assert f"“{drawn[number]}”" in words[number]
