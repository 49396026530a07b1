"""Beside a share: who asks is told when that changes, an answer comes from any thread, and all ends with the share."""

import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.helpers.visitors import Door, share
from tests.helpers.waiting import until
from tests.share.fake_gate import ANOTHER, GALAXY, FakeGate, desk
from tunnel.errors import TunnelError
from tunnel.model.share import Question
from tunnel.share.attending import Answer, attend, tell_links
from tunnel.share.places import places

pytestmark = pytest.mark.anyio


class Person:
    """Hears of questions, and answers when a test says so."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, ...]] = []
        self.answer: Answer = lambda number, allow: None

    def __call__(self, questions: "tuple[Question, ...] | list[Question]", answer: Answer) -> None:
        self.heard.append(tuple(question.number for question in questions))
        self.answer = answer


async def test_questions_are_told_when_they_change_and_answered_from_any_thread(tmp_path: Path) -> None:
    gate, person = FakeGate(), Person()
    notices: list[TunnelError] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: attend(desk(gate), folder=tmp_path, port=1, ask=person, notice=notices.append))
            await until(lambda: places(tmp_path))
            gate.waiting = [GALAXY]
            await until(lambda: person.heard == [(3,)])
            gate.waiting = [GALAXY, ANOTHER]
            await until(lambda: person.heard == [(3,), (3, 4)])
            thread = threading.Thread(target=person.answer, args=(3, True))
            thread.start()
            await until(lambda: gate.answered == [(3, True)])
            await until(lambda: person.heard[-1] == (4,))
            person.answer(3, False)  # somebody answers what was answered
            await until(lambda: notices)
            thread.join()
            nursery.cancel_scope.cancel()

    assert person.heard == [(3,), (3, 4), (4,), ()]
    assert gate.answered == [(3, True)]
    assert "question 3" in notices[0].what
    assert places(tmp_path) == []


def test_an_answer_to_a_share_that_has_ended_is_lost_without_a_word(tmp_path: Path) -> None:
    person = Person()

    async def short() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: attend(desk(), folder=tmp_path, port=1, ask=person, notice=lambda error: None))
            await until(lambda: places(tmp_path))
            nursery.cancel_scope.cancel()

    trio.run(short)
    person.answer(3, True)

    assert person.heard == [()]


async def test_each_link_but_the_first_is_told_of_once() -> None:
    door, told = Door(share()), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell_links, door.gate, told.append)
        await trio.testing.wait_all_tasks_blocked()
        phone = door.visitor()
        await phone.get(f"/.tunnel/join?token={door.token}", follow=True)
        await until(lambda: told == [door.gate.link])
        (question,) = door.gate.questions()
        door.gate.answer(question.number, True)  # changes what is asked, and no link
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert told == [door.gate.link]
