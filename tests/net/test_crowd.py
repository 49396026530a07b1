"""How many connections an address may have."""

from tunnel.net.crowd import Crowd


def test_an_address_has_so_many_and_no_more():
    crowd = Crowd(2)

    assert [crowd.comes("192.0.2.7") for _ in range(4)] == [True, True, False, False]
    assert crowd.comes("192.0.2.8"), "another is not in its way"


def test_one_that_leaves_makes_room():
    crowd = Crowd(1)
    crowd.comes("192.0.2.7")
    assert not crowd.comes("192.0.2.7")
    crowd.leaves("192.0.2.7")

    assert crowd.comes("192.0.2.7")


def test_nothing_is_kept_of_who_has_left():
    crowd = Crowd(1)
    for number in range(1000):
        assert crowd.comes(f"192.0.2.{number}")
        crowd.leaves(f"192.0.2.{number}")

    assert not crowd._open
