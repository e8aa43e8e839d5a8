"""What stands in a row, which is English, in the reader's language: {{ sheet.problem|told }}.

The reason of a change may have been typed: {{ change.reason|told_reason }}, and so may feedback:
{{ mark.feedback|told_feedback }}.
"""

from django import template

from accounts import told as words

register = template.Library()


@register.filter
def told(text: str | None) -> str:
    """A text that Sheaf or a provider wrote; "" for nothing."""
    return words.told(text or "")


@register.filter
def told_reason(text: str | None) -> str:
    """The reason of a change; "" for nothing."""
    return words.told_reason(text or "")


@register.filter
def told_feedback(text: str | None) -> str:
    """What a student reads of a mark; "" for nothing."""
    return words.told_feedback(text or "")
