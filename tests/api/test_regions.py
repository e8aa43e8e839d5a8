"""Where names stand, over the API: part of an exam, judged and kept as the page does."""

import pytest

from exams.models import Exam

pytestmark = pytest.mark.django_db

HEAD = {"page": 1, "x": 0.05, "y": 0.03, "w": 0.9, "h": 0.07, "holds": ["name"]}


@pytest.fixture
def change(alices, exam):
    """Sends a change of the exam with the `seen` that is given, or the one of now."""

    def _change(seen=None, **values):
        url = f"/api/v1/exams/{exam.pk}/"
        seen = alices.get(url).json()["seen"] if seen is None else seen
        return alices.patch(url, values | {"seen": seen}, format="json")

    return _change


def test_regions_are_read_and_saved_with_the_exam_and_its_other_facts_stay(change, exam, alice):
    assert change(regions=[HEAD]).json()["regions"] == [HEAD]
    assert Exam.objects.get().title == exam.title
    assert (exam.history.count(), exam.history.latest().history_user) == (2, alice)
    both = change(title="Cells", regions=[])
    assert (both.json()["title"], both.json()["regions"]) == ("Cells", [])


def test_facts_alone_leave_the_regions(change, exam):
    change(regions=[HEAD])
    assert change(title="Cells").json()["regions"] == [HEAD]


def test_regions_that_somebody_changed_meanwhile_are_not_written_over(change, alices, exam):
    seen = alices.get(f"/api/v1/exams/{exam.pk}/").json()["seen"]
    change(regions=[HEAD])
    stale = change(seen=seen, regions=[], title="Cells")
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert "Alice saved" in stale.json()["message"]
    assert change(seen=seen, regions=[]).status_code == 409
    assert change(seen=seen, regions=[HEAD]).status_code == 200  # they are what is stored
    assert (Exam.objects.get().regions, Exam.objects.get().title) == ([HEAD], exam.title)


@pytest.mark.parametrize("wrong", [[HEAD | {"x": 0.5}], [{}], "x", None, {"page": 1}, [HEAD] * 51])
def test_regions_that_cannot_be_are_named_and_nothing_else_is_saved(change, exam, wrong):
    answer = change(regions=wrong, title="Cells")
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"regions"})
    assert (Exam.objects.get().regions, Exam.objects.get().title) == ([], exam.title)
