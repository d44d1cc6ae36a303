"""Packs a lesson file for a learning platform: SCORM 1.2, which all of them import.

A package is a zip with the file and `imsmanifest.xml`, which names it. The file itself
is the same as without a platform: it looks for one when it opens (`results/scorm.js`).

Source: ADL, SCORM 1.2 Content Aggregation Model (2001), section 2.3.
"""

import io
import re
import zipfile
from hashlib import sha256
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

MANIFEST = "imsmanifest.xml"
LESSON = "lesson.html"

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The time of each part: the same lesson gives the same package."""


def scorm_package(page: str, *, title: str) -> bytes:
    """Return the zip file that a learning platform imports.

    Args:
        page: A lesson file, as `lesson_file` writes it.
        title: What the platform calls it.
    """
    parts = {MANIFEST: _manifest(page, title), LESSON: page}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in parts.items():
            part = zipfile.ZipInfo(name, _BEGINNING)
            part.external_attr = 0o644 << 16
            package.writestr(part, text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _manifest(page: str, title: str) -> str:
    """Write the manifest; a lesson of another model has another identifier."""
    template = Path(__file__).with_name(MANIFEST).read_text(encoding="utf-8")
    return Template(template).substitute(
        identifier=f"minigpt-{sha256(page.encode()).hexdigest()[:16]}",
        title=escape(_NO_XML.sub("\ufffd", title)),
        lesson=LESSON,
    )
