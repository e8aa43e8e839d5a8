"""Signing in as a browser does, step by step."""

from django.contrib.auth import get_user
from django.test import Client


def give_password(client=None, name="alice", **more):
    client = client or Client()
    return client, client.post("/sign-in/", {"username": name, "password": name, **more})


def give_code(client, code):
    return client.post("/sign-in/code/", {"code": code})


def is_signed_in(client):
    return get_user(client).is_authenticated
