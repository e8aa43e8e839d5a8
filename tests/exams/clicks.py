"""The people, addresses and clicks of intake's pages, as tests use them."""

from django.urls import reverse

# Who may do what the own teacher and admins may.
PEOPLE = [("admin", True), ("alice", True), ("bob", False), ("carol", False), ("dora", False)]
HTMX = {"HX-Request": "true"}


def list_address(exam, query=""):
    """The mapping page of an exam."""
    return reverse("exams:mapping", args=[exam.pk]) + query


def act(client, name, sheet, data=None, **extra):
    """Press a button of a sheet on the mapping page."""
    return client.post(reverse(f"exams:{name}", args=[sheet.pk]), data or {}, **extra)


def form_address(exam):
    """The page where papers are handed in."""
    return reverse("exams:upload_create", args=[exam.pk])


def detail(upload, query=""):
    """The page of one upload."""
    return reverse("exams:upload_detail", args=[upload.pk]) + query


def progress(upload, query=""):
    """The fragment that the page of an upload asks for."""
    return reverse("exams:upload_progress", args=[upload.pk]) + query


def key_address(name, key):
    """A page, or a button, of an answer key that is read from a PDF."""
    return reverse(f"exams:key_{name}", args=[key.pk])
