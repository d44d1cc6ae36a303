"""Fine-tuning: from a model that continues texts to one that answers.

In reading order: `chat` (a base gains the chat tokens), `supervised` (answers
to learn from, the prompt left out of the loss), `lora` (small matrices beside frozen
weights), `adapters` (kept as files of their own), `preferences` (DPO: the better of two
answers), `answering` (a model's reply) and `measuring` (how often it is right).
"""
