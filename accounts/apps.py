"""The app's entry into Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from accounts import checks
        from accounts.sessions import record_browser

        checks.register()
        user_logged_in.connect(record_browser, dispatch_uid="accounts.sessions")
