"""Addresses of the pages of batching."""

from django.urls import URLPattern

app_name = "batching"
urlpatterns: list[URLPattern] = []
