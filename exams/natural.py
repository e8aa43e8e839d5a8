"""Natural order: file names sorted as people count, page 2 before page 10.

Comes in: a name. Goes out: a key for `sorted`.
"""

import re


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key that counts the numbers within a name as numbers."""
    # Eighteen digits at a time, because Python refuses to read a number of thousands of them.
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r"(\d{1,18})", name.casefold())
        if part
    ]
