"""The doorbells of accounts, on the queue polling (config/celery.py routes them)."""

from celery import shared_task

from accounts import digests, link_mails


@shared_task(time_limit=120, soft_time_limit=90)
def mail_link(user_pk: int) -> None:
    """E-mail a user's one-time link."""
    link_mails.mail_link(user_pk)


@shared_task(time_limit=120, soft_time_limit=90)
def mail_digest(user_pk: int) -> None:
    """E-mail a user's unread lines."""
    digests.mail_digest(user_pk)
