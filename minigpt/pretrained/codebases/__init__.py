"""Checkpoints of the programs that people learn with: nanoGPT's, llama2.c's.

    model, tokenizer, metadata = minigpt.from_pretrained("out-shakespeare-char/ckpt.pt")

Their files say less than Hugging Face's: what is assumed is noted in the metadata.

Reading order:

    unpickled   a `.pt`, read without running what it says
    nanogpt     its settings and names
    llama2c     its `.bin`, number after number, and its `.pt`
    tokens      the tokenizer beside it
    opening     from a file to a model
"""
