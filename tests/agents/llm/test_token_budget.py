import asyncio
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from burnish.agents.llm.messages import Usage
from burnish.agents.llm.token_budget import Account, Reservation, Spending, TokenBudget
from burnish.corpora.errors import BudgetExhausted, RunError
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget.sqlite"


@pytest.fixture
def budget(path: Path) -> Iterator[TokenBudget]:
    opened = TokenBudget(path, 100)
    yield opened
    opened.close()


def test_what_is_reserved_cannot_be_reserved_again(budget: TokenBudget) -> None:
    async def spend() -> None:
        first = await budget.reserve(70)
        second = asyncio.create_task(budget.reserve(60))
        await asyncio.sleep(0.05)
        assert not second.done()  # it may fit once the first is settled
        budget.settle(first, Usage(10, 5))
        await second
        assert budget.account() == Account(100, 15, 60)

    asyncio.run(spend())


def test_a_request_that_cannot_fit_is_refused_at_once_with_the_figures(
    budget: TokenBudget,
) -> None:
    async def spend() -> None:
        await budget.reserve(70)
        with pytest.raises(BudgetExhausted, match="may need 101") as caught:
            await budget.reserve(101)
        assert (caught.value.spent, caught.value.held) == (0, 70)

    asyncio.run(spend())


def test_those_who_wait_in_vain_are_all_refused(budget: TokenBudget) -> None:
    async def spend() -> list[object]:
        first = await budget.reserve(90)
        waiting = [asyncio.create_task(budget.reserve(60)) for _ in range(5)]
        await asyncio.sleep(0.05)
        budget.lose(first)
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(asyncio.wait_for(spend(), PATIENCE_S))
    assert all(isinstance(outcome, BudgetExhausted) for outcome in outcomes)


def test_a_refused_request_gives_its_tokens_back_and_a_lost_one_does_not(
    budget: TokenBudget,
) -> None:
    async def spend() -> None:
        budget.release(await budget.reserve(40))
        budget.lose(await budget.reserve(30))
        assert budget.account() == Account(100, 30, 0)

    asyncio.run(spend())


def test_settling_twice_counts_once(budget: TokenBudget) -> None:
    async def spend() -> None:
        held = await budget.reserve(40)
        budget.settle(held, Usage(10, 10))
        budget.lose(held)
        assert budget.account().spent == 20

    asyncio.run(spend())


def test_use_beyond_the_reservation_is_told_and_counted(budget: TokenBudget) -> None:
    async def spend() -> None:
        held = await budget.reserve(20)
        assert budget.settle(held, Usage(20, 5)) == 5
        assert budget.account().spent == 25

    asyncio.run(spend())


def test_a_cancelled_wait_leaves_nothing_reserved(budget: TokenBudget) -> None:
    async def spend() -> None:
        for _ in range(20):
            task = asyncio.create_task(budget.reserve(10))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.2)
        assert budget.account() == Account(100, 0, 0)

    asyncio.run(spend())


def test_the_budget_goes_on_where_the_last_run_stopped(path: Path) -> None:
    first = TokenBudget(path, 100)
    held = asyncio.run(first.reserve(80))
    first.settle(held, Usage(50, 10))
    first.close()
    second = TokenBudget(path, 90)
    with pytest.raises(BudgetExhausted):
        asyncio.run(second.reserve(31))
    asyncio.run(second.reserve(30))
    second.close()


def test_the_invoice_tells_tasks_models_and_what_is_uncertain(budget: TokenBudget) -> None:
    async def spend() -> None:
        budget.settle(await budget.reserve(40, task="refine", model="a"), Usage(10, 5))
        budget.lose(await budget.reserve(7, task="refine", model="a"))
        await budget.reserve(9, task="judge", model="b")

    asyncio.run(spend())
    assert budget.invoice() == [
        Spending("judge", "b", requests=0, prompt=0, completion=0, uncertain=9),
        Spending("refine", "a", requests=1, prompt=10, completion=5, uncertain=7),
    ]


_CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from burnish.agents.llm.messages import Usage
from burnish.agents.llm.token_budget import TokenBudget

async def main():
    budget = TokenBudget(Path(sys.argv[1]), 1000)
    settled = await budget.reserve(300)
    budget.settle(settled, Usage(20, 3))
    budget.account()
    await budget.reserve(400)
    os.kill(os.getpid(), signal.SIGKILL)   # between send and settle

asyncio.run(main())
"""


def test_a_process_killed_before_it_settles_has_spent_its_reservation(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    budget = TokenBudget(path, 1000)
    assert budget.account() == Account(1000, 23, 400)
    with pytest.raises(BudgetExhausted):
        asyncio.run(budget.reserve(578))
    asyncio.run(budget.reserve(577))
    budget.close()


_RACER = """
import asyncio, random, sys
from pathlib import Path
from burnish.agents.llm.messages import Usage
from burnish.agents.llm.token_budget import TokenBudget
from burnish.corpora.errors import BudgetExhausted

async def main():
    budget = TokenBudget(Path(sys.argv[1]), 5000)
    draw = random.Random(int(sys.argv[2]))
    async def spend():
        try:
            held = await budget.reserve(draw.randint(1, 60))
        except BudgetExhausted:
            return
        await asyncio.sleep(0)
        used = draw.randint(0, held.tokens)
        budget.settle(held, Usage(used, 0))
    for _ in range(5):
        await asyncio.gather(*(spend() for _ in range(64)))
    budget.close()

asyncio.run(main())
"""


def test_several_processes_never_pass_the_ceiling_together(path: Path) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", _RACER, str(path), str(seed)]) for seed in range(3)
    ]
    assert [racer.wait() for racer in racers] == [0, 0, 0]
    with sqlite3.connect(path) as db:
        spent, held = db.execute("SELECT spent, held FROM account").fetchone()
        used = db.execute("SELECT SUM(prompt) FROM spending").fetchone()[0]
    db.close()
    assert held == 0
    assert 4000 < spent == used <= 5000


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("not a database at all, though long enough to have a header\n" * 20)
    with pytest.raises(RunError, match=r"notes\.sqlite"):
        TokenBudget(path, 1)


class BudgetMachine(RuleBasedStateMachine):
    """Reserve, settle, lose, release and reopen in any order against plain arithmetic."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "b.sqlite"
        self._budget = TokenBudget(self._path, 500)
        self._spent = 0
        self._holds = 0

    @rule(target=held, tokens=st.integers(1, 200))
    def reserve(self, tokens: int) -> Reservation | None:
        fits = self._spent + self._holds + tokens <= 500
        try:
            work = self._budget.reserve(tokens)
            reservation = asyncio.run(asyncio.wait_for(work, PATIENCE_S if fits else 0.05))
        except (BudgetExhausted, TimeoutError):
            assert not fits
            return None
        assert fits
        self._holds += tokens
        return reservation

    @rule(
        reservation=consumes(held),
        share=st.floats(0, 1),
        how=st.sampled_from(["settle", "lose", "release"]),
    )
    def finish(self, reservation: Reservation | None, share: float, how: str) -> None:
        if reservation is None:
            return
        tokens = reservation.tokens
        used = {"settle": int(share * tokens), "lose": tokens, "release": 0}[how]
        if how == "settle":
            self._budget.settle(reservation, Usage(used, 0))
        elif how == "lose":
            self._budget.lose(reservation)
        else:
            self._budget.release(reservation)
        self._holds -= reservation.tokens
        self._spent += used

    @rule()
    def reopen(self) -> None:
        self._budget.close()
        self._budget = TokenBudget(self._path, 500)

    @invariant()
    def the_books_agree_and_stay_within(self) -> None:
        assert self._budget.account() == Account(500, self._spent, self._holds)
        assert self._spent + self._holds <= 500

    def teardown(self) -> None:
        self._budget.close()
        self._folder.cleanup()


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
