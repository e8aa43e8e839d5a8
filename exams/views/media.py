"""Pictures of pages: the only way to an image, through the same "may see" as every page.

In: a page's public id and the person who asks. Out: the stored bytes, never cached; a
stranger's page and a missing one are the same 404.
"""

from __future__ import annotations

import logging
from pathlib import PurePath
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from exams import queries
from exams.models import KeyProposal, Page

logger = logging.getLogger(__name__)

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


@require_safe
def page_image(request: HttpRequest, public_id: UUID) -> FileResponse:
    """The page as it is read and graded."""
    page = visible_page(request, public_id)
    return picture(page, page.image, f"page-{page.number}")


@require_safe
def page_thumbnail(request: HttpRequest, public_id: UUID) -> FileResponse:
    """The page small."""
    page = visible_page(request, public_id)
    return picture(page, page.thumbnail, f"page-{page.number}-small")


def visible_page(request: HttpRequest, public_id: UUID) -> Page:
    """The page if the person may see it; students never see pages that were dropped."""
    return get_object_or_404(queries.pages_for(request.user), public_id=public_id)


def picture(row: Page | KeyProposal, name: str, title: str) -> FileResponse:
    """The stored picture `name` under a neutral file name (file names may hold a student's)."""
    suffix = PurePath(name).suffix.lower()
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        logger.error("%s %s: a picture is missing in the storage", row._meta.verbose_name, row.pk)
        raise Http404 from error
    return FileResponse(
        file,
        filename=f"{title}{suffix}",
        content_type=CONTENT_TYPES.get(suffix, "application/octet-stream"),
        headers={
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
