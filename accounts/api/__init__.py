"""The API of people: signing in, classes and rosters, notifications; and what all of it shares."""
