"""The package for a learning platform: its manifest, and what it holds."""

import io
import zipfile
from xml.etree import ElementTree

import pytest
from lesson_file.test_file import checkpoint_of

from minigpt.lesson_file.document import lesson_file
from minigpt.lesson_file.scorm import scorm_package

IMS = "{http://www.imsproject.org/xsd/imscp_rootv1p1p2}"
ADL = "{http://www.adlnet.org/xsd/adlcp_rootv1p2}"


def opened(package: bytes) -> tuple[zipfile.ZipFile, ElementTree.Element]:
    files = zipfile.ZipFile(io.BytesIO(package))
    assert files.testzip() is None
    return files, ElementTree.fromstring(files.read("imsmanifest.xml"))


def test_the_manifest_names_one_lesson_and_its_file_which_is_the_same_as_without():
    page = lesson_file(checkpoint_of(), name="mine")
    package = scorm_package(page, title="mine")
    assert package == scorm_package(page, title="mine")
    files, manifest = opened(package)
    metadata = [each.text for each in manifest.find(f"{IMS}metadata")]
    assert metadata == ["ADL SCORM", "1.2"]
    (organizations,) = manifest.iter(f"{IMS}organizations")
    (organization,) = organizations
    assert organizations.get("default") == organization.get("identifier")
    (item,) = manifest.iter(f"{IMS}item")
    (resource,) = manifest.iter(f"{IMS}resource")
    assert item.get("identifierref") == resource.get("identifier")
    assert resource.get("type") == "webcontent"
    assert resource.get(f"{ADL}scormtype") == "sco"
    named = [each.get("href") for each in resource.iter(f"{IMS}file")]
    assert named == [resource.get("href")]
    assert files.namelist() == ["imsmanifest.xml", *named]
    assert files.read(named[0]).decode() == page


@pytest.mark.parametrize(
    ("title", "shown"),
    [("a <b> & c", None), ("$lesson ${x}", None), ("a\x01\uffffb", "a\ufffd\ufffdb")],
)
def test_any_title_makes_a_manifest_that_can_be_read(title, shown):
    _, manifest = opened(scorm_package("page", title=title))
    assert {each.text for each in manifest.iter(f"{IMS}title")} == {shown or title}


def test_each_lesson_has_an_identifier_of_its_own():
    identifiers = {
        opened(scorm_package(page, title="mine"))[1].get("identifier")
        for page in ("one", "two")
    }
    assert len(identifiers) == 2
