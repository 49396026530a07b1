"""Pairing: a token opens one question, once; who was answered with yes is in, on that device and no other."""

import pytest
import trio

from tests.helpers.visitors import LAPTOP, PHONE, Door, Visitor, share
from tunnel.errors import UsageError
from tunnel.model.share import Access

pytestmark = pytest.mark.anyio


async def paired(door: Door, visitor: Visitor) -> None:
    """Let a visitor in."""
    await visitor.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    door.gate.answer(question.number, True)
    assert (await visitor.get("/.tunnel/wait?held", follow=True)).admitted


async def test_a_device_with_the_token_is_in_after_a_yes():
    door = Door(share())
    phone = door.visitor()

    waiting = await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    assert (question.name, question.browser, question.address) == ("Pixel 9", "Chrome", "192.0.2.7")
    assert question.code in waiting.body
    assert door.heard("asked") == [f"Pixel 9, Chrome, 192.0.2.7 wants in, it shows {question.code}"]

    door.gate.answer(question.number, True)
    reply = await phone.get("/.tunnel/wait?held", follow=True)

    assert reply.admitted is not None
    assert (reply.admitted.name, reply.admitted.user, reply.admitted.rule) == ("Pixel 9", "Pixel 9", Access.PAIRING)
    assert door.gate.questions() == ()
    assert [(device.name, device.browser) for device in door.gate.devices()] == [("Pixel 9", "Chrome")]
    assert door.heard("admitted") == ["Pixel 9, Chrome, 192.0.2.7 is in"]


async def test_who_waits_hears_the_answer_when_it_is_given():
    door = Door(share())
    phone = door.visitor()
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()

    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            reply = await phone.get("/.tunnel/wait?held", follow=True)
            assert reply.admitted

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        door.gate.answer(question.number, True)


async def test_a_no_is_a_no_and_the_token_is_used_up():
    door = Door(share())
    phone = door.visitor()
    token = door.token
    await phone.get(f"/.tunnel/join?token={token}", follow=True)
    (question,) = door.gate.questions()
    door.gate.answer(question.number, False)

    assert (await phone.get("/.tunnel/wait?held")).status == 403
    assert (await phone.get(f"/.tunnel/join?token={token}")).status == 401
    assert (await phone.get("/")).status == 401
    assert door.passed == []


async def test_a_token_is_worth_nothing_on_a_second_device():
    door = Door(share())
    first, second = door.visitor(), door.visitor("192.0.2.8", LAPTOP)
    token = door.token
    await first.get(f"/.tunnel/join?token={token}", follow=True)

    assert (await second.get(f"/.tunnel/join?token={token}")).status == 401
    assert (await second.get("/.tunnel/wait")).status == 401
    assert [question.who for question in door.gate.questions()] == ["Pixel 9, Chrome"]
    assert door.token != token


async def test_who_tries_wrong_links_keeps_nobody_from_the_right_one():
    """A link of 144 bits is not guessed: there is nothing that who guesses could learn, and others have no time to lose."""
    door = Door(share())
    for number in range(40):
        for _ in range(12):
            await door.visitor(f"192.0.2.{100 + number}").get("/.tunnel/join?token=wrong")
    assert (await door.visitor("192.0.2.99").get("/.tunnel/join?token=wrong")).status == 429
    phone, late = door.visitor(), door.visitor("192.0.2.100", LAPTOP)

    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    await late.get(f"/.tunnel/join?token={door.token}", follow=True)

    assert [question.address for question in door.gate.questions()] == ["192.0.2.7", "192.0.2.100"]


async def test_a_token_may_be_opened_twice_by_the_browser_that_asked():
    door = Door(share())
    phone = door.visitor()
    token = door.token
    await phone.get(f"/.tunnel/join?token={token}", follow=True)
    await phone.get(f"/.tunnel/join?token={token}", follow=True)

    assert len(door.gate.questions()) == 1


async def test_a_browser_that_fetches_ahead_uses_no_token_up():
    door = Door(share())
    token = door.token

    for fields in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}):
        assert (await door.visitor().get(f"/.tunnel/join?token={token}", fields)).status == 503
    assert (await door.visitor().send("HEAD", f"/.tunnel/join?token={token}", {})).status == 405
    assert door.token == token


async def test_who_keeps_no_cookies_puts_no_question():
    door = Door(share())
    phone = door.visitor()
    reply = await phone.get(f"/.tunnel/join?token={door.token}")
    phone.cookies.clear()

    assert (await phone.get(reply.get("location"))).status == 401
    assert door.gate.questions() == ()


async def test_another_device_cannot_wait_in_the_place_of_the_first():
    door = Door(share())
    phone, thief = door.visitor(), door.visitor("192.0.2.66", PHONE)
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    door.gate.answer(question.number, True)
    thief.cookies = dict(phone.cookies)

    assert (await thief.get("/.tunnel/wait", follow=True)).status == 401
    assert (await phone.get("/.tunnel/wait", follow=True)).admitted


async def test_the_cookie_of_a_question_is_no_cookie_of_a_device():
    door = Door(share())
    phone = door.visitor()
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    asking = phone.cookies[f"{door.gate.cookie}-ask"]
    door.gate.answer(question.number, True)
    phone.cookies[door.gate.cookie] = asking

    assert (await phone.get("/")).status == 401
    await phone.get("/.tunnel/wait", follow=True)
    assert phone.cookies[door.gate.cookie] != asking  # no fixation: what comes in is always new


async def test_two_that_ask_at_once_show_different_numbers_and_are_answered_apart():
    door = Door(share())
    phone, laptop = door.visitor(), door.visitor("192.0.2.8", LAPTOP)
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    await laptop.get(f"/.tunnel/join?token={door.token}", follow=True)
    one, two = door.gate.questions()
    assert one.code != two.code

    door.gate.answer(two.number, True)

    assert (await laptop.get("/.tunnel/wait", follow=True)).admitted
    assert one.code in (await phone.get("/.tunnel/wait")).body


async def test_no_more_than_a_few_may_ask_at_once_and_none_of_their_tokens_is_lost():
    door = Door(share())
    for number in range(8):
        await door.visitor(f"192.0.2.{number + 10}").get(f"/.tunnel/join?token={door.token}", follow=True)
    token = door.token

    assert (await door.visitor("192.0.2.99").get(f"/.tunnel/join?token={token}")).status == 429
    assert door.token == token
    door.time += 61
    assert (await door.visitor("192.0.2.99").get(f"/.tunnel/join?token={token}")).status == 303


async def test_a_question_whose_device_waits_no_longer_disappears():
    door = Door(share())
    phone = door.visitor()
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    door.time += 61

    assert door.gate.questions() == ()
    with pytest.raises(UsageError):
        door.gate.answer(question.number, True)
    assert (await phone.get("/.tunnel/wait")).status == 401


async def test_a_question_stays_as_long_as_its_device_waits():
    door = Door(share())
    phone = door.visitor()
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    for _ in range(10):
        door.time += 50
        await phone.get("/.tunnel/wait")

    assert len(door.gate.questions()) == 1


async def test_an_answer_is_given_once():
    door = Door(share())
    await door.visitor().get(f"/.tunnel/join?token={door.token}", follow=True)
    (question,) = door.gate.questions()
    door.gate.answer(question.number, False)

    with pytest.raises(UsageError, match="nobody waits"):
        door.gate.answer(question.number, True)


async def test_with_yes_whoever_holds_the_token_is_in_once():
    door = Door(share(yes=True))
    token = door.token
    phone, second = door.visitor(), door.visitor("192.0.2.8")

    assert (await phone.get(f"/.tunnel/join?token={token}", follow=True)).admitted
    assert (await second.get(f"/.tunnel/join?token={token}")).status == 401
    assert door.gate.questions() == ()


async def test_nobody_is_in_without_a_token():
    door = Door(share())
    phone, tool = door.visitor(), door.visitor("192.0.2.9", "curl/8.5.0")

    assert (await phone.get("/")).status == 401
    assert (await phone.get("/.tunnel/join")).status == 401
    assert (await phone.get("/.tunnel/join?token=")).status == 401
    refused = await tool.get("/")
    assert (refused.status, refused.get("www-authenticate")) == (401, 'Cookie realm="tunnel share"')
    assert (await tool.send("POST", "/", {})).status == 401
    assert door.passed == []


async def test_a_websocket_without_a_cookie_is_refused():
    door = Door(share())
    phone = door.visitor()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Accept": "text/html"}

    assert (await phone.send("GET", "/ws", upgrade)).status == 401
    await paired(door, phone)
    assert (await phone.send("GET", "/ws", upgrade)).admitted


async def test_a_changed_event_is_set_with_each_question_and_each_answer():
    door = Door(share())
    before = door.gate.changed
    await door.visitor().get(f"/.tunnel/join?token={door.token}", follow=True)
    assert before.is_set()
    before = door.gate.changed
    door.gate.answer(door.gate.questions()[0].number, True)
    assert before.is_set()
    assert not door.gate.changed.is_set()


async def test_devices_of_one_name_are_told_apart_while_they_are_in_and_afterwards():
    door = Door(share())
    first, second, third = (door.visitor(f"192.0.2.{number}") for number in (7, 8, 9))
    await paired(door, first)
    await paired(door, second)
    one, two = door.gate.devices()
    assert (one.name, two.name, two.who) == ("Pixel 9", "Pixel 9 (2)", "Pixel 9 (2), Chrome")

    door.gate.revoke(one.number)
    await paired(door, third)

    assert [(device.name, device.address) for device in door.gate.devices()] == [
        ("Pixel 9 (2)", "192.0.2.8"), ("Pixel 9 (3)", "192.0.2.9"),
    ]  # fmt: skip


async def test_a_device_that_comes_again_with_its_cookie_keeps_its_name():
    door = Door(share())
    phone = door.visitor()
    await paired(door, phone)
    door.time += 901
    await phone.get("/page", follow=True)  # its cookie is exchanged
    await phone.get(f"/.tunnel/join?token={door.token}", follow=True)

    assert [device.name for device in door.gate.devices()] == ["Pixel 9"]


REDUCED = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
ANDROID = {"Sec-CH-UA-Platform": '"Android"'}
HINTED = {**ANDROID, "Sec-CH-UA-Model": '"Pixel 9"'}


@pytest.mark.parametrize("yes", [False, True])
async def test_a_browser_that_hides_its_model_is_asked_for_it_before_the_token_is_taken(yes: bool):
    """The link leads to itself, and is opened again with the model: the token is used up once, and one question is put."""
    door = Door(share(yes=yes))
    phone = door.visitor(agent=REDUCED)
    token = door.token
    first = await phone.get(f"/.tunnel/join?token={token}", ANDROID)
    assert (first.status, first.get("accept-ch")) == (303, "Sec-CH-UA-Model")
    assert (door.token, door.told, phone.cookies) == (token, [], {})

    second = await phone.get(first.get("location"), HINTED)
    await phone.get(second.get("location"), HINTED)

    assert door.token != token
    asked = [(question.name, question.browser) for question in door.gate.questions()]
    let_in = [(device.name, device.browser) for device in door.gate.devices()]
    assert (let_in if yes else asked) == [("Pixel 9", "Chrome")]
    assert [happening.what for happening in door.told] == ["admitted" if yes else "asked"]


async def test_a_browser_that_does_not_tell_its_model_comes_in_without_and_is_asked_for_it_once():
    door = Door(share())
    phone = door.visitor(agent=REDUCED)
    token = door.token
    first = await phone.get(f"/.tunnel/join?token={token}", ANDROID)
    second = await phone.get(first.get("location"), ANDROID)
    assert (second.status, second.get("location")) == (303, "/.tunnel/wait")
    await phone.get("/.tunnel/wait", ANDROID)

    assert [question.who for question in door.gate.questions()] == ["Android, Chrome"]
    assert door.token != token


async def test_a_wrong_token_is_no_better_for_having_been_asked_for_a_model():
    door = Door(share())
    phone = door.visitor(agent=REDUCED)
    token = door.token
    first = await phone.get('/.tunnel/join?token=%0d%0aSet-Cookie:+x%22"', ANDROID)

    assert "\n" not in first.get("location") and " " not in first.get("location")
    assert (await phone.get(first.get("location"), ANDROID)).status == 401
    assert door.token == token


async def test_who_is_in_is_told_to_tell_its_model_to_nobody_any_more():
    """So the service sees the field if it asks for it itself, and else not."""
    door = Door(share())
    phone = door.visitor(agent=REDUCED)
    await phone.get(f"/.tunnel/join?token={door.token}", HINTED, follow=True)
    door.gate.answer(door.gate.questions()[0].number, True)
    inside = await phone.get("/.tunnel/wait", HINTED)

    assert (inside.status, inside.get("location")) == (303, "/")
    assert [value for name, value in inside.fields if name == b"accept-ch"] == [b""]
    door.time += 901
    exchanged = await phone.get("/page", ANDROID)
    for reply in (exchanged, await phone.get("/.tunnel/", ANDROID), await phone.get("/.tunnel/login", ANDROID)):
        assert b"accept-ch" not in [name for name, _ in reply.fields]


async def test_a_better_name_is_taken_once_the_browser_tells_its_model():
    door = Door(share())
    phone = door.visitor(agent=REDUCED)
    waiting = await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
    assert waiting.get("accept-ch") == "Sec-CH-UA-Model"
    assert door.gate.questions()[0].name == "Android"

    await phone.get("/.tunnel/wait", HINTED)

    assert door.gate.questions()[0].name == "Pixel 9"
    assert len(door.heard("asked")) == 1
