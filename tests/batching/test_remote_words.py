"""What pages say of a batch that is at its provider."""

import pytest

from batching.providers import gemini_replies, openai
from batching.templatetags.remote import remote_words


@pytest.mark.parametrize("state", [*openai.STATES, *gemini_replies.STATES])
def test_every_word_that_a_provider_has_for_a_batch_is_told_in_ours(state):
    for word in (state, f"BATCH_STATE_{state}", f"JOB_STATE_{state}"):
        assert remote_words(word) == remote_words(state)
        assert word not in remote_words(word) or word in ("cancelled", "failed")
        assert "as it says itself" not in remote_words(word)


def test_a_word_that_nobody_knows_is_shown_as_it_stands():
    assert remote_words("hibernating") == "“hibernating”, as it says itself"
