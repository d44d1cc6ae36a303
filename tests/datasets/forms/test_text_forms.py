"""Texts in the forms of others: the same words, or one true sentence.

The outside oracles are the writers: python-docx, pandas, and Python's codecs. A PDF is
written out here, object by object, and encrypted by pypdf.
"""

import io
import json
import zipfile

import docx
import pandas
import pypdf
import pytest

from minigpt.cli import main
from minigpt.config import DataConfig
from minigpt.datasets.corpus import read_text
from minigpt.datasets.forms.plain_text import SEPARATOR, plain_text
from minigpt.errors import DataError
from minigpt.library.kept_texts import as_plain_text, bring_text

WORDS = "A naïve bird sang “Mia”.\nIt was five o’clock."
ROWS = [{"id": 1, "text": "One.\n\n\n\nStill one."}, {"id": 2, "text": "Two — é."}]
JOINED = "One.\n\nStill one.\n\n\nTwo — é."


def word(*paragraphs):
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def archive(**parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return buffer.getvalue()


def pdf(*pages, password=None):
    """Write pages of one line each; an empty line draws nothing."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, line in enumerate(pages):
        drawn = f"BT /F1 12 Tf 50 700 Td ({line}) Tj ET" if line else ""
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    content, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n"
    start = len(content)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    content += f"xref\n0 {size}\n0000000000 65535 f \n{table}"
    content += f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    if password is None:
        return content.encode()
    writer = pypdf.PdfWriter(pypdf.PdfReader(io.BytesIO(content.encode())))
    writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


PAGE = (
    "<!DOCTYPE html><html><head><title>No</title><style>p {}</style></head><body>"
    "<script>no()</script><p>A na&iuml;ve  bird\n<b>sang</b> “Mia”.<br>It was five "
    "o&rsquo;clock.</p></body></html>"
)
READ = {
    "utf-8.txt": (WORDS.encode(), WORDS, ""),
    "mark.txt": (WORDS.encode("utf-8-sig"), WORDS, ""),
    "utf-16.txt": (WORDS.encode("utf-16"), WORDS, "read as UTF-16"),
    "utf-16-be.txt": (WORDS.encode("utf-16-be"), WORDS, "read as UTF-16"),
    "utf-16-le.txt": (WORDS.encode("utf-16-le"), WORDS, "read as UTF-16"),
    "utf-32.txt": (WORDS.encode("utf-32"), WORDS, "read as UTF-32"),
    "windows.txt": (
        WORDS.replace("\n", "\r\n").encode("cp1252"),
        WORDS,
        "not UTF-8, so read as Windows-1252",
    ),
    "old-mac.txt": (WORDS.replace("\n", "\r").encode(), WORDS, ""),
    "page.html": (PAGE.encode(), WORDS + "\n", "a page of the web"),
    "page-without-name": (PAGE.encode(), WORDS + "\n", "a page of the web"),
    "fragment.htm": (b"<p>One<p>Two", "One\n\nTwo\n", "a page of the web"),
    "charset.html": (
        "<html><meta charset='shift_jis'><p>鳥が歌った".encode("shift-jis"),
        "鳥が歌った\n",
        "read as shift_jis",
    ),
    "book.docx": (
        word("A naïve bird", "sang."),
        "A naïve bird\nsang.\nleft\nright\n",
        "a Word document",
    ),
    "book.pdf": (pdf("A bird sang.", "It flew."), "A bird sang.\n\nIt flew.\n", "2 of"),
    "half.pdf": (pdf("A bird sang.", ""), "A bird sang.\n", "the text of 1 of its 2"),
    "open.pdf": (pdf("A bird sang.", password=""), "A bird sang.\n", "a PDF"),
    "set.jsonl": (lines(*ROWS), JOINED, "2 documents, each ended by <eos>"),
    "set-without-name": (lines(*ROWS), JOINED, "JSON lines, its column text"),
    "list.json": (json.dumps(ROWS, indent=1).encode(), JOINED, "a JSON list"),
    "texts.json": (b'["One.", "Two."]', "One.\n\n\nTwo.", "a JSON list: 2 documents"),
    "gaps.jsonl": (
        lines(*ROWS, {"text": None}, {"text": " "}, {}),
        JOINED,
        "3 without text left out",
    ),
    "set.parquet": (pandas.DataFrame(ROWS).to_parquet(None), JOINED, "parquet, its"),
    "set.csv": (
        pandas.DataFrame(ROWS).to_csv().encode(),
        JOINED,
        "a table with commas",
    ),
    "other.jsonl": (b'{"a": 1}\n', '{"a": 1}\n', "read letter by letter"),
}


@pytest.mark.parametrize("name", READ)
def test_a_text_is_the_same_in_every_form(name):
    content, text, remark = READ[name]
    found = plain_text(content, name)
    assert found.text == text
    assert remark in found.remark
    assert bool(found.remark) == bool(remark)
    assert found.separator == (SEPARATOR if "documents" in found.remark else None)


BOMB = archive(word__document_xml=b" " * (1 << 27))
REFUSED = {
    "bomb.docx": (BOMB, "unpacks to 134,217,728 bytes"),
    "many.docx": (
        archive(word__document_xml=b"", **{f"p{n}": b"" for n in range(5001)}),
        "5,002 parts",
    ),
    "cut.docx": (word("A bird.")[:-30], "is a damaged zip archive"),
    "no-xml.docx": (archive(word__document_xml=b"<"), "is a damaged Word document"),
    "empty.docx": (word("")[:0] + archive(a=b""), "a zip archive and no Word document"),
    "old.doc": (b"\xd0\xcf\x11\xe0" + bytes(99), "save it as .docx"),
    "book.rtf": (b"{\\rtf1 A bird.}", "is RTF"),
    "book.txt.gz": (b"\x1f\x8b" + bytes(99), "unpack it first"),
    "locked.pdf": (pdf("A bird sang.", password="x"), "is encrypted"),
    "scan.pdf": (pdf("", ""), "has 2 pages and no text on them: if it was scanned"),
    "cut.pdf": (b"%PDF-1.4\n1 0 obj", "is a PDF that cannot be read"),
    "blank.html": (b"<html><script>x</script></html>", "holds no text"),
    "blank.jsonl": (lines({"text": ""}), "holds no text in JSON lines"),
    "cut.jsonl": (lines(*ROWS)[:-9], "line 2: Unterminated string"),
    "cut.parquet": (READ["set.parquet"][0][:-9], "is a damaged parquet file"),
    "other.parquet": (
        pandas.DataFrame([{"a": 1}]).to_parquet(None),
        "has the columns a: a text is looked for in a column called text",
    ),
    "zero.txt": (b"A bird" * 900 + b"\0sang", "byte 5400 is zero"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is not text: byte 8 is zero"),
    "damaged.txt": ("naïve “Mia” é".encode() + b"\xff!", r"byte 19 is 0xff \(line 1\)"),
    "greek.txt": ("Το πουλί τραγούδησε. ".encode("iso-8859-7"), "encoding cannot be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_text_is_told_in_one_sentence(name):
    content, complaint = REFUSED[name]
    with pytest.raises(DataError, match=complaint) as caught:
        plain_text(content, name)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_entities_of_a_word_document_are_not_expanded():
    # Ten lines that would be ten billion letters.
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11)
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    laughing = (
        f'<!DOCTYPE x [{entities}]><w:document xmlns:w="{space}"><w:body><w:p><w:r>'
        "<w:t>&a10;</w:t></w:r></w:p></w:body></w:document>"
    )
    source, buffer = io.BytesIO(word("A bird.")), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(buffer, "w") as new:
        for part in old.namelist():
            is_body = part == "word/document.xml"
            new.writestr(part, laughing if is_body else old.read(part))
    with pytest.raises(DataError, match=r"holds no text|damaged Word document"):
        plain_text(buffer.getvalue(), "laughing.docx")


def test_a_text_in_another_form_is_kept_as_plain_text(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    plain, book = tmp_path / "plain.txt", tmp_path / "My set.jsonl"
    plain.write_text(WORDS, encoding="utf-8")
    book.write_bytes(READ["set.jsonl"][0])
    assert as_plain_text(DataConfig(source=str(plain)))[1] == ""
    assert not (tmp_path / "data").exists()
    data, remark = as_plain_text(DataConfig(source=str(book)))
    assert read_text(data.source) == JOINED
    assert data.document_separator == SEPARATOR
    assert remark.startswith("My set.jsonl: JSON lines, its column text: 2 documents")
    assert bring_text(book.read_bytes(), book.name).path == tmp_path / data.source
    own = DataConfig(source=str(book), document_separator="\n\n")
    assert as_plain_text(own)[0].document_separator == "\n\n"
    with pytest.raises(DataError, match="is empty"):
        bring_text(b"", "nothing.txt")


def test_the_command_line_names_the_separator_of_a_text(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("Once there was a bird.\n<|endoftext|>\n" * 200, encoding="utf-8")
    assert main(["data", "info", str(path)]) == 0
    assert "--document_separator '<|endoftext|>'" in capsys.readouterr().err
    path.write_text("Once <|endoftext|> there was a bird.\n" * 200, encoding="utf-8")
    assert main(["data", "info", str(path)]) == 0
    assert capsys.readouterr().err == ""
