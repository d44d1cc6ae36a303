"""From texts and token rows to the batches that training reads, in reading order.

`examples` makes examples of many short texts, `windows` draws batches from one long row
of tokens in an order from `shuffles`, `streaming` encodes a file while it is read;
`repeats` and `lessons_first` put warm-ups before a text.
"""
