"""All shapes in which this app writes a text with values into a row, for accounts.told."""

from grading import publish, results, review, review_undo, runs

SHAPES = (results.ILLEGAL,)

REASONS = (
    publish.TAKEN_BACK,
    review.CHANGED,
    review.PUT_BACK,
    review.WITHOUT_A_LOOK,
    review_undo.UNDONE,
    runs.MARKS_DROPPED,
)
