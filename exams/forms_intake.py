"""The upload form: what a teacher may hand in with one click.

In: the chosen files of a browser. Out: the list of them, in page order: one file of any kind
that intake takes, or several pictures that are the pages of one sheet.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exams.content import HEAD, kind_of
from exams.natural import natural_key


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """A file field that takes one or more files and gives the list of them."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        chosen = data if isinstance(data, list | tuple) else [data]
        return [super(SeveralFilesField, self).clean(file, initial) for file in chosen or [None]]


class UploadForm(forms.Form):
    """One file, or several pictures of one sheet."""

    files = SeveralFilesField(
        label=_("Sheets"),
        max_length=255,
        error_messages={
            "required": _("Choose a ZIP, a PDF or pictures first."),
            "empty": _("A chosen file is empty. Scan or export it again."),
            "max_length": _("A file name is longer than %(max)d characters. Rename it."),
        },
        widget=SeveralFilesInput(
            attrs={"accept": ".zip,.pdf,.jpg,.jpeg,.png", "class": "form-control"}
        ),
    )

    def clean_files(self) -> list[UploadedFile]:
        """The files; several pictures in the order of their names, whatever the browser's was."""
        files: list[UploadedFile] = self.cleaned_data["files"]
        limit = settings.SHEAF_UPLOAD_MAX_MB
        if sum(file.size or 0 for file in files) > limit * 1_000_000:
            raise ValidationError(too_large_text(limit))
        if len(files) == 1:
            return files
        others = [file.name for file in files if not is_picture(file)]
        if others:
            raise ValidationError(
                _(
                    "Several files at once are the pages of one sheet, as JPEG or PNG; “%(name)s”"
                    " is not a picture. Upload it alone, or put the sheets of a class in one ZIP."
                )
                % {"name": others[0]}
            )
        if len(files) > settings.SHEAF_SHEET_MAX_PAGES:
            raise ValidationError(
                _(
                    "These are %(count)s pictures; one sheet may have %(most)s pages. Put several"
                    " sheets in one ZIP, with a folder for each."
                )
                % {"count": len(files), "most": settings.SHEAF_SHEET_MAX_PAGES}
            )
        return sorted(files, key=lambda file: natural_key(file.name or ""))


def too_large_text(limit_mb: float) -> str:
    return gettext(
        "This is larger than the %(size)s MB one upload may have."
        " Split it into several ZIPs, or scan at 150 to 200 DPI."
    ) % {"size": f"{limit_mb:g}"}


def is_picture(file: UploadedFile) -> bool:
    """Whether the file is a JPEG or PNG by its content."""
    file.seek(0)
    kind = kind_of(file.read(HEAD))
    return kind is not None and kind.is_image


def sheet_name(stem: str) -> str:
    """The name of a sheet from its first picture's: "84B003 page 1" is "84B003"."""
    short = re.sub(r"[\s_.(-]+(?:page|pg|p)?[\s_.-]*\d{1,3}\)?$", "", stem, flags=re.IGNORECASE)
    return short.strip() or stem.strip() or "sheet"
