"""Checkpoints of the programs that people learn with: nanoGPT, llama2.c and others.

    model, tokenizer, metadata = minigpt.from_pretrained("out-shakespeare-char/ckpt.pt")

Their files say less than Hugging Face's: what is assumed is noted in the metadata.

Reading order:

    unpickled   a `.pt`, read without running what it says
    saved       the weights in it, and the settings in it or beside it
    nanogpt     its settings and names
    mingpt      its elder's
    nanochat    its successor's
    from_scratch      LLMs-from-scratch's
    transformer_lens  TransformerLens's
    tutorial          the tutorials' own
    llama2c     its `.bin`, number after number, and its `.pt`; Meta's have its names
    programs    all of them, and how each is recognised
    tokens      the tokenizer beside it
    opening     from a file to a model
"""
