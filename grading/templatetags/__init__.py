"""Template tags of grading."""
