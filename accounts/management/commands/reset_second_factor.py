"""reset_second_factor: takes a person's second factor away, on the console.

For the last admin who has lost a phone. Ends all of that person's sign-ins and tells them; exits
1 when there is no such person.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.second_factors import reset_second_factor


class Command(BaseCommand):
    help = "Take the second factor of somebody away who has lost their phone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="the person's user name")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is nobody with the user name {username}.")
        if reset_second_factor(user, by=None):
            self.stdout.write(f"The second factor of {username} is taken away.")
        else:
            self.stdout.write(f"{username} has no second factor.")
