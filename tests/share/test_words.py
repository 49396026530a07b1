"""Words: a fingerprint that is said, and one that is compared with what a phone shows."""

import hashlib
from itertools import combinations

from tunnel.share import words
from tunnel.share.words import fingerprint_pairs, fingerprint_words

FINGERPRINT = hashlib.sha256(b"a certificate").hexdigest()


def test_each_byte_has_its_own_word() -> None:
    assert len(words._WORDS) == len(set(words._WORDS)) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() and len(word) <= 9 for word in words._WORDS)


def test_the_list_is_the_one_that_people_have_seen_before() -> None:
    """Another list would give every root other words, and whoever compares them with last week's would be alarmed."""
    assert hashlib.sha256(" ".join(words._WORDS).encode()).hexdigest() == LIST


def test_no_two_words_begin_alike_or_are_near_to_each_other() -> None:
    assert len({word[:3] for word in words._WORDS}) == 256
    assert all(_distance(one, other) >= 3 for one, other in combinations(words._WORDS, 2))


def test_a_fingerprint_gives_ten_words_in_its_order() -> None:
    said = fingerprint_words("00" + "ff" + FINGERPRINT[4:]).split()

    assert len(said) == 10
    assert said[:2] == [words._WORDS[0], words._WORDS[255]]


def test_two_fingerprints_that_differ_early_differ_in_words() -> None:
    other = FINGERPRINT[:19] + ("0" if FINGERPRINT[19] != "0" else "1") + FINGERPRINT[20:]

    assert fingerprint_words(other) != fingerprint_words(FINGERPRINT)


def test_pairs_are_what_a_phone_shows() -> None:
    assert fingerprint_pairs("3a07ff" + FINGERPRINT[6:]).startswith("3A:07:FF:")
    assert len(fingerprint_pairs(FINGERPRINT)) == 95


def _distance(one: str, other: str) -> int:
    """Count the letters to change, add or leave out (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for to, each in enumerate(other, 1):
            before, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, before + (letter != each))
    return row[-1]


LIST = "47950cf0361e832d77bfd796848847b5bbf7852e4ff92cf3dc23c55732b83abe"
