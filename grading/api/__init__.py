"""The API of grading: runs, marks and their review, publishing, results."""
