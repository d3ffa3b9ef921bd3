"""Answers what several threads ask at the same time in one go."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

GATHER_SECONDS = 0.001

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Ticket(Generic[Question, Answer]):
    """A question, until it is answered."""

    __slots__ = ("answer", "error", "question", "turn")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.turn = threading.Lock()  # held until who asked may go on
        self.turn.acquire()


class Together(Generic[Question, Answer]):
    """Calls a function of many questions for whoever waits while it runs for others.

    For work that costs little more for eight questions than for one, as a forest and a commit do:
    the first thread works for itself; those that come meanwhile wait, and one of these works for
    all of them. While there are several it first waits a moment for more; who asks alone never
    waits.
    """

    def __init__(self, work: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._work = work
        self._waiting: list[Ticket[Question, Answer]] = []
        self._working = False  # somebody
        self._crowded = False
        self._lock = threading.Lock()

    def ask(self, question: Question) -> Answer:
        """Return the answer; raise what the work raised for this question."""
        ticket: Ticket[Question, Answer] = Ticket(question)
        with self._lock:
            self._waiting.append(ticket)
            waits, self._working = self._working, True
        if waits:
            ticket.turn.acquire()  # it is answered by now, or it works for all who wait
        if ticket.answer is None and ticket.error is None:
            self._answer_all()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.answer is not None  # noqa: S101 - it has been answered
        return ticket.answer

    def _answer_all(self) -> None:
        if self._crowded:
            time.sleep(GATHER_SECONDS)
        with self._lock:
            tickets, self._waiting = self._waiting, []
        self._crowded = len(tickets) > 1
        try:
            self._answer(tickets)
        finally:
            self._let_go_on(tickets)

    def _let_go_on(self, answered: Sequence[Ticket[Question, Answer]]) -> None:
        """Wake one of those who came meanwhile, to work, and each who is answered.

        Each by a lock of its own: one that all wait for would wake them one after the other.
        """
        with self._lock:
            self._working = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.release()
        for ticket in answered:
            ticket.turn.release()

    def _answer(self, tickets: Sequence[Ticket[Question, Answer]]) -> None:
        try:
            answers = self._work([ticket.question for ticket in tickets])
        except Exception as error:
            if len(tickets) == 1:
                tickets[0].error = error
            else:  # what one of them asked must not cost the others their answers
                for ticket in tickets:
                    self._answer([ticket])
            return
        for ticket, answer in zip(tickets, answers, strict=True):
            ticket.answer = answer
