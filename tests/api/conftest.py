"""Clients of the API: whoever signs in with a token, and what they send."""

from __future__ import annotations

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from exams.models import Sheet
from grading.models import Mark
from tests.factories import make_sheet
from tests.grading.steps import marks_of


@pytest.fixture(scope="session")
def document():
    """The OpenAPI document."""
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def client_of():
    """Gives a client that sends a person's token with every request."""

    def _client_of(user, password="") -> APIClient:
        client = APIClient()
        tokens = client.post(
            "/api/v1/token/",
            {"username": user.username, "password": password or user.username},
            format="json",
        ).json()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        client.tokens = tokens
        return client

    return _client_of


@pytest.fixture
def alices(alice, x_b, client_of) -> APIClient:
    return client_of(alice)


@pytest.fixture
def sheet(exam, carols_enrolment) -> Sheet:
    """Carol's, graded."""
    return make_sheet(exam, state="graded", enrolment=carols_enrolment)


@pytest.fixture
def mark(sheet) -> Mark:
    """The first of the sheet: 1 of 2."""
    return marks_of(sheet)[0]
