"""Template tags of the page frame: the bell's number, icons, and form controls.

Comes in: the signed-in user, the name of an icon, a bound form field.
Goes out: a number and safe HTML with Bootstrap's classes; no style or script of its own.
"""

import math
from datetime import timedelta
from functools import cache
from typing import Any

from django import forms, template
from django.conf import settings
from django.db.models import Model
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import notifications
from accounts.devices import device_name

register = template.Library()

TICKS = (forms.CheckboxInput,)
CHOICES = (forms.RadioSelect, forms.CheckboxSelectMultiple)


@register.simple_tag(takes_context=True)
def unread_notifications(context: Context) -> int:
    """How many lines in the bell the signed-in person has not read; costs one query."""
    return notifications.count_unread(context["user"])


@register.simple_tag
def flower_url() -> str:
    """Where Flower answers, or nothing."""
    url: str = settings.SHEAF_FLOWER_URL
    return url


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the vendored sprite (static/vendor/README.md lists the names)."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("vendor/bootstrap-icons/icons.svg"),
        name,
    )


@register.filter
def state_label(row: Model | None) -> str:
    """What a row's state is called; "" without a row.

    Django's own get_state_display asks for the words of all states each time it is asked for one.
    """
    return str(_state_labels(type(row)).get(row.state, "")) if row else ""  # type: ignore[attr-defined]


@cache
def _state_labels(model: type[Model]) -> dict[str, str | Promise]:
    return dict(model._meta.get_field("state").flatchoices)


@register.filter
def minutes(duration: timedelta) -> int:
    """A duration in whole minutes, rounded up."""
    return math.ceil(duration.total_seconds() / 60)


@register.filter
def device(user_agent: str) -> str:
    """What a browser or program calls itself, in words."""
    return device_name(user_agent)


@register.filter
def is_tick(field: BoundField) -> bool:
    """Whether a field is one box to tick, whose label stands behind it."""
    return isinstance(field.field.widget, TICKS)


@register.filter
def control(field: BoundField) -> SafeString:
    """A field's input with Bootstrap's classes; red when the field has errors."""
    widget = field.field.widget
    if isinstance(widget, CHOICES):
        css = ""  # Django would give it to the box around the choices; sheaf.css has .choices.
    elif isinstance(widget, TICKS):
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    else:
        css = "form-control"
    names = [widget.attrs.get("class", ""), css, "is-invalid" if field.errors else ""]
    attrs: dict[str, Any] = {"class": " ".join(name for name in names if name)}
    return field.as_widget(attrs=attrs)
