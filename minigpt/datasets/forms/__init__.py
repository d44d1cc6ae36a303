"""What people bring: examples and texts in the forms that are common elsewhere.

`decoding` turns bytes into text; `rows` finds a file's rows, whether it is JSON, a
table or parquet; `columns` recognises what its columns are; `turns` and `tagged_text`
read conversations. `minigpt.datasets.conversation_files` makes examples of them.
"""
