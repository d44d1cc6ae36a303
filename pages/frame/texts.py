"""Texts that readers bring: kept in `data/texts/`, so that a run can be resumed."""

from pathlib import Path

from minigpt.config import DataConfig
from minigpt.datasets.corpus import is_large, read_text
from minigpt.datasets.files.text_file import TextFile
from minigpt.datasets.forms.plain_text import plain_text
from minigpt.library.kept_texts import BroughtText, as_plain_text, bring_text, keep_text
from pages.frame.remember import remember

ENDINGS = (
    *("txt", "md", "html", "htm", "docx", "pdf"),
    *("json", "jsonl", "csv", "tsv", "parquet"),
)
"""Of files whose text can be read."""
LABEL = "A text, PDF, Word, HTML, JSONL or parquet file"

keep = keep_text
"""Keep a text that is UTF-8."""
_read = remember(4, spinner="Reading the text …")(plain_text)


def bring(contents: bytes, name: str) -> BroughtText:
    """Keep a text of any form that is known; see `bring_text`."""
    return bring_text(contents, name, _read)


def existing(path: str) -> BroughtText:
    """Return a text on this machine, once it is known to be one.

    Of a large one only the beginning is read here, the rest when a run begins.

    Raises:
        DataError: If there is no such file, or it is not text.
    """
    data, remark = as_plain_text(DataConfig(source=path), _read)
    if is_large(data):
        next(TextFile(data.source).blocks())
    else:
        read_text(data.source)
    return BroughtText(Path(data.source).resolve(), remark, data.document_separator)
