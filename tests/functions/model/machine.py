"""Any history of uploads, commands, deliveries and failures: at each step nothing wrong answers, at rest the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from common.split_store import object_name as split_name
from tests.functions.inspecting import inspection
from tests.functions.model.live import Live, live
from tests.functions.model.messages import Message
from tests.functions.model.parts import Fault, Moment
from tests.functions.model.world import NAMES, World

# Of one chunk, two, four and seven: a batch holds two.
CONTENTS = tuple(
    "\n\n".join(f"{word} {number}: {'the lamp is lit at dusk and the log is kept ' * 3}." for number in range(length))
    for word, length in (("Lighthouse", 1), ("Harbour", 2), ("Foghorn", 4), ("Keeper", 7))
)
# More than a message's retention: every grace, lease and repetition is over.
LONG = timedelta(days=8)
MOST_DELIVERIES = 200
seeds = st.integers(0, 2**32 - 1)


def a_fault(chance: Random) -> Fault:
    """Half of them meet the publisher: what is committed but not published is lost most easily."""
    moment = chance.choice(list(Moment))
    return chance.choice([Fault(chance.randrange(7), moment), Fault(0, moment, "publisher")])


def seldom_a_fault(chance: Random) -> Fault | None:
    return chance.choice([None, None, a_fault(chance)])


class AnyHistory(RuleBasedStateMachine):
    """See above. What happened is noted in `trace`."""

    def __init__(self, world: World, trace: list[str]) -> None:
        super().__init__()
        self.world = world
        self.model = world.expectation
        self.trace = trace
        self._tell("A new history")
        self.answered: dict[str, Live] = {}
        self.checked = self.rests = True

    @initialize(seed=seeds)
    def begin(self, seed: int) -> None:
        chance = Random(seed)
        self._put(chance)
        if chance.random() < 0.3:
            while self.world.waiting:
                self._push(self.world.waiting[0])

    @rule(seed=seeds)
    def step(self, seed: int) -> None:
        """Something happens, and some of the waiting messages are delivered.

        One rule, and one draw for all of its choices: left to Hypothesis, most histories repeat few things.
        """
        chance = Random(seed)
        likely = self._likely()
        [happens] = chance.choices([*likely], [*likely.values()])
        getattr(self, f"_{happens}")(chance)
        self.nothing_wrong_answers()
        for _ in range(chance.randrange(5)):
            if self.world.waiting:
                self._deliver(chance)

    @invariant()
    def nothing_wrong_answers(self) -> None:
        """Only a whole, undeleted generation answers; it gives way to a newer one or to a deletion alone."""
        if self.checked:
            return
        answers = live(self.world.installation, self.world.projects[0].team_id)
        for name in NAMES:
            record, answer, before = self.model.record(name), answers.get(name), self.answered.get(name)
            if answer is not None:
                answer.check_whole()
                assert record.may_answer(answer.generation), (record, answer)
                assert answer.says(self.model.contents[name, answer.generation]), answer
                assert before is None or answer.generation >= before.generation, (before, answer)
            else:
                assert before is None or not record.may_answer(before.generation), (record, before)
        self.answered = answers
        self.checked = True

    def teardown(self) -> None:
        try:
            if self.checked:
                self._mend()
        finally:
            self.world.clear()

    def _likely(self) -> dict[str, int]:
        """What can happen now, and how likely it is."""
        world, model = self.world, self.model
        return {
            "deliver": 2 * bool(world.waiting),
            "put": 3,
            "put_again": bool(model.objects),
            "remove": 2 * bool(model.objects),
            "delete_document": bool(model.known()),
            "reprocess": 2 * bool(model.known()),
            "open_or_close_project": 1 if model.project else 6,
            "replace_project": 2 * bool(model.project),
            "fail": 3 * bool(world.waiting),
            "give_up": bool(world.waiting),
            "duplicate": bool(world.waiting),
            "deliver_again": bool(world.past),
            "repeat_notification": 2 * bool(world.past_notifications),
            "replay": 2 * bool(world.dead_letters and world.failed_messages()),
            "reconcile": 1,
            "come_to_rest": not self.rests,
        }

    def _put(self, chance: Random) -> None:
        name, content = chance.choice(NAMES), chance.choice(CONTENTS)
        self._note("put", name, content[:10])
        self.world.put(name, content)

    def _put_again(self, chance: Random) -> None:
        name = chance.choice(sorted(self.model.objects))
        self._note("put again", name)
        self.world.put(name, self.model.contents[name, self.model.objects[name]])

    def _remove(self, chance: Random) -> None:
        name = chance.choice(sorted(self.model.objects))
        self._note("remove", name)
        self.world.remove(name)

    def _delete_document(self, chance: Random) -> None:
        name, fault = chance.choice(self.model.known()), seldom_a_fault(chance)
        if self._ask("DELETE", name, "", fault):
            self.model.delete_document(name)

    def _reprocess(self, chance: Random) -> None:
        name, fault = chance.choice(self.model.known()), seldom_a_fault(chance)
        self._ask("POST", name, ":reprocess", fault)

    def _open_or_close_project(self, _: Random) -> None:
        self._note("close project" if self.model.project else "open project")
        self.answered.clear()
        if self.model.project:
            self.world.close_project()
        else:
            self.world.open_project()

    def _replace_project(self, chance: Random) -> None:
        self._open_or_close_project(chance)
        self._open_or_close_project(chance)

    def _deliver(self, chance: Random) -> None:
        self._push(self._choose(chance))
        self.nothing_wrong_answers()

    def _fail(self, chance: Random) -> None:
        self._push(self._choose(chance), a_fault(chance))

    def _give_up(self, chance: Random) -> None:
        message = self._choose(chance)
        if message.function != "dead_letter":
            self._note("give up", message.name)
            self.world.give_up(message)

    def _duplicate(self, chance: Random) -> None:
        message = self._choose(chance)
        self._note("duplicate", message.name)
        self.world.again(message)

    def _deliver_again(self, chance: Random) -> None:
        self._repeat(chance, self.world.past)

    def _repeat_notification(self, chance: Random) -> None:
        self._repeat(chance, self.world.past_notifications)

    def _replay(self, chance: Random) -> None:
        failed = self.world.failed_messages()
        name, fault = chance.choice(sorted(failed)), seldom_a_fault(chance)
        self._note("replay", name, fault or "")
        self._tell(f"  {self.world.replay(failed[name], fault)}")

    def _reconcile(self, chance: Random) -> None:
        hours, fault = chance.randrange(4), seldom_a_fault(chance)
        self._note("reconcile", hours, "hours later", fault or "")
        self.world.pass_time(timedelta(hours=hours))
        self._tell(f"  {self.world.reconcile(fault)}")

    def _come_to_rest(self, _: Random) -> None:
        """What was given up is not there for its object; all else is."""
        self._note("come to rest")
        self._drain()
        failed = self.world.failed_messages()
        self._check_rest(name for name in NAMES if all(f" {name.rpartition('/')[2]}" not in each for each in failed))
        self.rests = True

    def _mend(self) -> None:
        """Come to rest with all that was given up sent on its way again: now everything is as it should be."""
        self._note("mend")
        self._drain()
        if failed := self.world.failed_messages():
            for name in sorted(failed):
                self._note("replay", name)
                self._tell(f"  {self.world.replay(failed[name])}")
            self._drain()
        assert not self.world.failed_messages()
        self._check_rest(NAMES)

    def _note(self, *words: object) -> None:
        """Something happens that is not yet checked."""
        self._tell(" ".join(map(str, words)))
        self.checked = self.rests = False

    def _tell(self, line: str) -> None:
        self.trace.append(line)
        note(line)

    def _choose(self, chance: Random) -> Message:
        name = chance.choice(sorted({message.name for message in self.world.waiting}))
        return next(message for message in self.world.waiting if message.name == name)

    def _repeat(self, chance: Random, past: Mapping[str, Message]) -> None:
        name = chance.choice(sorted(past))
        self._note("again", name)
        self.world.again(past[name])

    def _push(self, message: Message, fault: Fault | None = None) -> None:
        self._note("deliver", message.name, fault or "")
        self._tell(f"  {self.world.deliver(message, fault)}")

    def _ask(self, method: str, name: str, command: str, fault: Fault | None) -> bool:
        """Ask the API for something about the object's document; True if there is such a document."""
        living = self.model.record(name).living
        self._note(method, name + command, fault or "")
        code = self.world.ask(method, f"/v1/documents/{self.world.document(name)}{command}", fault)
        self._tell(f"  {code}")
        assert code in ({202, 503} if living else {404}), code
        return living

    def _drain(self) -> None:
        """Deliver what waits and reconcile, again and again, until nothing comes of it."""
        deliveries = 0
        while True:
            while self.world.waiting:
                deliveries += 1
                assert deliveries < MOST_DELIVERIES, f"No rest: {[each.name for each in self.world.waiting]}"
                self._push(self.world.waiting[0])
                self.nothing_wrong_answers()
            self.world.pass_time(LONG)
            self.world.reconcile()
            if not self.world.waiting:
                return

    def _check_rest(self, objects: Iterable[str]) -> None:
        """Each of the objects answers with its newest bytes or not at all, and nothing else is left anywhere."""
        self.nothing_wrong_answers()
        for name in objects:
            expected, answer = self.model.answer(name), self.answered.get(name)
            assert (expected is None) == (answer is None), (name, expected, answer)
            if expected is not None and answer is not None:
                assert answer.says(expected), (name, expected, answer)
                assert answer.document_status == "ready", (name, answer)
        jobs = {answer.job_id for answer in self.answered.values()}
        for table in ("chunk_vectors", "chunk_texts", "document_chunks"):
            found = {row["job_id"] for row in self.world.installation.rows(f"select distinct job_id from {table}")}
            assert found == jobs, (table, found, jobs)
        assert set(self.world.stored(self.world.installation.extraction_bucket)) == {split_name(job) for job in jobs}
        assert self.world.stored(self.world.installation.bucket) == self.model.objects
        findings = inspection(self.world.application)()
        assert findings.violations == (), findings
        assert findings.at_rest, findings
