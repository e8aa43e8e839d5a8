"""Papers for the tests of intake: small PDFs, images and ZIPs, whole and broken."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from accounts.models import Enrolment
from exams import due, inspection, rasterize, suggestions, uploads, zip_import
from exams.models import Exam, Sheet, Upload
from tests.factories import make_sheet

A5 = (620, 877)


def picture(
    *lines: str, size: tuple[int, int] = A5, face: int = 26, mode: str = "RGB"
) -> Image.Image:
    """A page with printed lines from the top."""
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text(
            (50, 60 + number * int(face * 1.8)), line, fill=0, font=ImageFont.load_default(face)
        )
    return image.convert(mode)


def jpeg(*lines: str, **options: Any) -> bytes:
    saving = {key: options.pop(key) for key in ("exif", "progressive", "comment") if key in options}
    out = io.BytesIO()
    picture(*lines, **options).save(out, "JPEG", quality=85, **saving)
    return out.getvalue()


def mpo(*lines: str, **options: Any) -> bytes:
    """A phone's photograph: a JPEG with its Exif data, and further pictures in the same file."""
    exif, second = Image.Exif(), Image.Exif()
    exif[0x010F], second[0x013B] = "Camera", "Asha Rao"
    out = io.BytesIO()
    other = picture(size=(100, 140))
    other.encoderinfo = {"exif": second}
    picture(*lines, **options).save(out, "MPO", save_all=True, append_images=[other], exif=exif)
    content = out.getvalue()
    # Cameras write Exif first, and no JFIF.
    return content[:2] + content[20:] if content[2:4] == b"\xff\xe0" else content


def png(*lines: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture(*lines, **options).save(out, "PNG")
    return out.getvalue()


def pdf(*pages: Image.Image | str, resolution: float = 100) -> bytes:
    """A PDF of scanned pages; a text stands for a page with that line on it."""
    # Copies, because Pillow keeps the options of the last save with an image.
    images = [picture(page, mode="L") if isinstance(page, str) else page.copy() for page in pages]
    out = io.BytesIO()
    images[0].save(out, "PDF", resolution=resolution, save_all=True, append_images=images[1:])
    return out.getvalue()


def packed(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A ZIP of these members, in this order; the same name may come twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content, method)
    return out.getvalue()


def receive(exam: Exam, content: bytes, name: str = "papers.zip") -> Upload:
    return uploads.receive_upload(exam, io.BytesIO(content), name=name, by=exam.created_by)


def unpacked(exam: Exam, content: bytes, name: str = "papers.zip") -> Upload:
    """An upload that was received and unpacked."""
    upload = receive(exam, content, name)
    zip_import.unpack_upload(upload.pk)
    return Upload.objects.get(pk=upload.pk)


def rendered(exam: Exam, content: bytes, name: str = "paper.pdf") -> Sheet:
    """The one sheet of an upload, rendered."""
    sheet = unpacked(exam, content, name).sheets.get()
    rasterize.rasterize_sheet(sheet.pk)
    return Sheet.objects.get(pk=sheet.pk)


def report(upload: Upload) -> dict[str, str]:
    """Outcome by member name."""
    return dict(upload.members.values_list("name", "outcome"))


def intake(exam: Exam) -> None:
    """Do all of intake's due work for an exam, here and now."""
    for upload in due.uploads_to_unpack():
        zip_import.unpack_upload(upload.pk)
    for sheet in due.sheets_to_render():
        rasterize.rasterize_sheet(sheet.pk)
    for sheet in due.sheets_to_inspect():
        inspection.inspect_sheet(sheet.pk)
    suggestions.suggest_students(exam.pk)


def suggested(exam: Exam, enrolment: Enrolment, *, certain: bool = True, **fields: Any) -> Sheet:
    """A sheet with a suggestion, made with the class as it is now."""
    sheet = make_sheet(
        exam,
        suggested_enrolment=enrolment,
        suggestion_certain=certain,
        suggestion_reason="The file name is the roll number.",
        **fields,
    )
    classes = suggestions.roster_hashes({exam.school_class_id})
    Exam.objects.filter(pk=exam.pk).update(roster_hash=classes[exam.school_class_id])
    return sheet
