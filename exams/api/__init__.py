"""The API of exams: what is asked, what was handed in, and whose it is."""
