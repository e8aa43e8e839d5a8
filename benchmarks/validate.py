"""Reading and validating replies, against jsonschema.validate() for each of them.

    python benchmarks/validate.py [replies]

Replies of 10 criteria, a schema as Sheaf makes it of their rubric. The obvious way parses a
reply and calls jsonschema.validate(), which looks through the schema every time; Sheaf's way
keeps one validator for a schema, and also refuses what JSON does not know, repeated keys, texts
that cannot be stored and another request's id. In alternation, three rounds, medians of CPU
seconds. The demand: at least 5 times as fast. Exits 1 when it is not met.
"""

from __future__ import annotations

import json
import random
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import Demands, fresh_folder, in_alternation, start_django

TIMES_AS_FAST, FEW = 5, 50


def measure(count: int) -> None:
    import jsonschema

    from batching.providers import openai_replies
    from batching.reply import read_reply, validator_for
    from benchmarks.collect import CRITERIA, result_line
    from exams.models import Criterion
    from exams.result_schema import schema_for

    schema = schema_for(
        Criterion(code=f"Q{n}", position=n, max_marks=Decimal(4), step=Decimal("0.5"))
        for n in range(1, CRITERIA + 1)
    )
    chance = random.Random(1)
    answers = [
        openai_replies.read_line(result_line(f"{number:032x}", chance)) for number in range(count)
    ]

    def ours(_: int) -> None:
        for answer in answers:
            read_reply(answer, answer.custom_id, validator_for(schema))

    def obvious(_: int) -> None:
        for answer in answers[:FEW]:
            jsonschema.validate(json.loads(answer.text), schema)

    took = in_alternation({"obvious": obvious, "ours": ours})
    each = took["ours"] / count
    print(f"jsonschema.validate(): {1000 * took['obvious'] / FEW:.2f} CPU milliseconds a reply")
    print(f"read_reply: {1000 * each:.2f}, {took['ours']:.2f} s CPU for {count} replies")
    demands = Demands()
    demands.at_least("times as fast", took["obvious"] / FEW / each, TIMES_AS_FAST)
    demands.exit()


if __name__ == "__main__":
    with fresh_folder() as folder:
        start_django(folder)
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
