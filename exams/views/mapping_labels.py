"""What the buttons of a sheet in the mapping list are called for who cannot see where they stand.

Comes in: the names of sheets. Goes out: labels by a short name. The texts are translated once for a
screen: to do it in the template, for each button of each row, was a third of the page's time.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext, gettext_noop

LABELS = {
    "large": gettext_noop("First page of %(name)s, large"),
    "confirm": gettext_noop("Confirm: %(name)s"),
    "student": gettext_noop("Student for %(name)s"),
    "change": gettext_noop("Change: %(name)s"),
    "map": gettext_noop("Map: %(name)s"),
    "undo": gettext_noop("Undo: %(name)s"),
    "skip": gettext_noop("Skip: %(name)s"),
}


def labeller() -> Callable[[str], dict[str, str]]:
    """What makes the labels for the name of a sheet, in the language that is active."""
    texts = {key: gettext(text) for key, text in LABELS.items()}

    def labels_for(name: str) -> dict[str, str]:
        return {key: text % {"name": name} for key, text in texts.items()}

    return labels_for
