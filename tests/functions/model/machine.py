"""Any history of uploads, commands, deliveries and failures: at each step nothing wrong answers, at rest the right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

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

names = st.sampled_from(NAMES)
contents = st.sampled_from(CONTENTS)
# What is committed but not published is what is lost most easily.
faults = st.builds(Fault, st.integers(0, 6), st.sampled_from(Moment)) | st.builds(
    Fault, st.just(0), st.sampled_from(Moment), st.just("publisher")
)
rare_faults = st.none() | st.builds(Fault, st.integers(0, 2), st.sampled_from(Moment))


class AnyHistory(RuleBasedStateMachine):
    """See above. What happened is noted in `trace`."""

    def __init__(self, world: World, trace: list[str]) -> None:
        super().__init__()
        self.world = world
        self.model = world.expectation
        self.trace = trace
        self.trace.append("A new history")
        self.answered: dict[str, Live] = {}
        self.checked = self.rests = True

    @initialize(data=st.data(), delivered=st.booleans())
    def begin(self, data: st.DataObject, *, delivered: bool) -> None:
        self._put(data)
        while delivered and self.world.waiting:
            self._push(self.world.waiting[0])

    @rule(data=st.data(), then=st.integers(0, 4))
    def step(self, data: st.DataObject, then: int) -> None:
        """Something happens, and some of the waiting messages are delivered.

        One rule for all: of several, Hypothesis leaves some out of each history, and most would repeat few things.
        """
        getattr(self, f"_{data.draw(st.sampled_from(self._possible()))}")(data)
        self.nothing_wrong_answers()
        for _ in range(then):
            if self.world.waiting:
                self._deliver(data)

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

    def _possible(self) -> list[str]:
        """What can happen now, each as often as it is likely."""
        world, model = self.world, self.model
        likely = {
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
        return [name for name, times in likely.items() for _ in range(times)]

    def _put(self, data: st.DataObject) -> None:
        name, content = data.draw(names), data.draw(contents)
        self._note("put", name, content[:10])
        self.world.put(name, content)

    def _put_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.objects)))
        self._note("put again", name)
        self.world.put(name, self.model.contents[name, self.model.objects[name]])

    def _remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.objects)))
        self._note("remove", name)
        self.world.remove(name)

    def _delete_document(self, data: st.DataObject) -> None:
        name, fault = data.draw(st.sampled_from(self.model.known())), data.draw(rare_faults)
        if self._ask("DELETE", name, "", fault):
            self.model.delete_document(name)

    def _reprocess(self, data: st.DataObject) -> None:
        name, fault = data.draw(st.sampled_from(self.model.known())), data.draw(rare_faults)
        self._ask("POST", name, ":reprocess", fault)

    def _open_or_close_project(self, _: st.DataObject) -> None:
        self._note("close project" if self.model.project else "open project")
        self.answered.clear()
        if self.model.project:
            self.world.close_project()
        else:
            self.world.open_project()

    def _replace_project(self, data: st.DataObject) -> None:
        self._open_or_close_project(data)
        self._open_or_close_project(data)

    def _deliver(self, data: st.DataObject) -> None:
        self._push(self._choose(data))
        self.nothing_wrong_answers()

    def _fail(self, data: st.DataObject) -> None:
        self._push(self._choose(data), data.draw(faults))

    def _give_up(self, data: st.DataObject) -> None:
        message = self._choose(data)
        if message.function != "dead_letter":
            self._note("give up", message.name)
            self.world.give_up(message)

    def _duplicate(self, data: st.DataObject) -> None:
        message = self._choose(data)
        self._note("duplicate", message.name)
        self.world.again(message)

    def _deliver_again(self, data: st.DataObject) -> None:
        self._repeat(data, self.world.past)

    def _repeat_notification(self, data: st.DataObject) -> None:
        self._repeat(data, self.world.past_notifications)

    def _replay(self, data: st.DataObject) -> None:
        failed = self.world.failed_messages()
        name, fault = data.draw(st.sampled_from(sorted(failed))), data.draw(rare_faults)
        self._note("replay", name, fault or "")
        self.trace.append(f"  {self.world.replay(failed[name], fault)}")

    def _reconcile(self, data: st.DataObject) -> None:
        hours, fault = data.draw(st.integers(0, 3)), data.draw(st.none() | faults)
        self._note("reconcile", hours, "hours later", fault or "")
        self.world.pass_time(timedelta(hours=hours))
        self.trace.append(f"  {self.world.reconcile(fault)}")

    def _come_to_rest(self, _: st.DataObject) -> None:
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
                self.trace.append(f"  {self.world.replay(failed[name])}")
            self._drain()
        assert not self.world.failed_messages()
        self._check_rest(NAMES)

    def _note(self, *words: object) -> None:
        """Something happens that is not yet checked."""
        self.trace.append(" ".join(map(str, words)))
        self.checked = self.rests = False

    def _choose(self, data: st.DataObject) -> Message:
        name = data.draw(st.sampled_from(sorted({message.name for message in self.world.waiting})))
        return next(message for message in self.world.waiting if message.name == name)

    def _repeat(self, data: st.DataObject, past: Mapping[str, Message]) -> None:
        name = data.draw(st.sampled_from(sorted(past)))
        self._note("again", name)
        self.world.again(past[name])

    def _push(self, message: Message, fault: Fault | None = None) -> None:
        self._note("deliver", message.name, fault or "")
        self.trace.append(f"  {self.world.deliver(message, fault)}")

    def _ask(self, method: str, name: str, command: str, fault: Fault | None) -> bool:
        """Ask the API for something about the object's document; True if there is such a document."""
        living = self.model.record(name).living
        self._note(method, name + command, fault or "")
        code = self.world.ask(method, f"/v1/documents/{self.world.document(name)}{command}", fault)
        self.trace.append(f"  {code}")
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
