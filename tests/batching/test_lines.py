"""Lines of a job's file and the hash that each is known by."""

import hashlib
import io

import pytest
from django.core.files.storage import default_storage

from batching.models import BatchItem
from batching.providers.base import Picture, Usage
from batching.providers.lines import Pieces, hash_of_line
from batching.stored_lines import LinesChanged, check_lines
from tests.batching.steps import only_job
from tests.factories import page_picture

PAGE = page_picture(size=(62, 87))
OTHER = page_picture(size=(87, 62))


def line_of(*pictures, frame=b'{"url":"data:image/jpeg;base64,'):
    pieces = Pieces()
    for picture in pictures:
        pieces.add(frame)
        pieces.add_picture(Picture.of(picture, "image/jpeg", 62, 87))
        pieces.add(b'"}')
    return pieces.line(Usage())


@pytest.mark.parametrize("frame", [b'{"url":"data:image/jpeg;base64,', b'{"data":"'])
def test_the_hash_of_a_line_is_worked_out_again_from_its_bytes(frame):
    line = line_of(PAGE, OTHER, frame=frame)
    assert hash_of_line(line.content) == line.sha256
    assert line.size == len(line.content) == sum(map(len, line.blocks()))


def test_a_line_without_pictures_has_the_hash_of_its_bytes():
    line = b'{"custom_id":"a","text":"/9j/ is how a JPEG begins"}'
    assert hash_of_line(line) == hashlib.sha256(line).hexdigest()


def test_the_same_beginning_in_one_piece_gives_the_same_line():
    pieces = Pieces()
    pieces.add(b'{"data":"')
    pieces.add_picture(Picture.of(PAGE, "image/jpeg", 62, 87))
    joined = pieces.joined()
    assert len(joined.sent) == 1
    assert joined.line(Usage()).sha256 == pieces.line(Usage()).sha256
    assert joined.line(Usage()).content == pieces.line(Usage()).content


def other_end(line):
    """The last character before the padding of the first picture, and another for it."""
    end = line.index(b'="')
    return line[end - 1 : end + 2], chr(line[end - 1] + 1).encode() + b'="'


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b"/9j/", b"/9j+", 1),
        lambda line: line.replace(b'{"url"', b'{"urL"', 1),
        lambda line: line.replace(b'"}', b'="}', 1),
        lambda line: line + b" ",
        # The same picture in other base64: one of its last bits decodes to nothing.
        lambda line: line.replace(*other_end(line)),
        lambda line: line[:-1],
        # Bytes that stand for a picture are not taken for it.
        lambda line: line_of(OTHER, PAGE).content,
    ],
)
def test_another_line_has_another_hash(change):
    line = line_of(PAGE, OTHER)
    assert change(line.content) != line.content
    assert hash_of_line(change(line.content)) != line.sha256


def test_a_hash_in_the_place_of_its_picture_is_another_line():
    line = line_of(PAGE)
    base64 = b"".join(list(line.blocks())[1:2])
    told = line.content.replace(base64, hashlib.sha256(PAGE).hexdigest().encode())
    assert hash_of_line(told) != line.sha256


@pytest.mark.django_db
def test_the_stored_lines_must_be_those_of_the_items_and_nothing_else(plan):
    job = only_job(plan("batch", 3))
    _, second, third = BatchItem.objects.filter(job=job).order_by("line_offset")
    with default_storage.open(job.lines_file, "rb") as file:
        content = file.read()
    check_lines(job, io.BytesIO(content))
    lines = content.splitlines(keepends=True)
    assert len(lines) == 3
    changed = {
        "one byte": content.replace(b"custom", b"Custom", 1),
        "other order": lines[1] + lines[0] + lines[2],
        "one more": content + lines[0],
        "a space more": content + b" ",
        "one less": lines[0] + lines[1],
        "no line end": content[:-1],
        "empty": b"",
    }
    for name, wrong in changed.items():
        assert wrong != content, name
        with pytest.raises(LinesChanged):
            check_lines(job, io.BytesIO(wrong))
    BatchItem.objects.filter(pk=second.pk).update(request_hash=third.request_hash)
    with pytest.raises(LinesChanged):
        check_lines(job, io.BytesIO(content))
