"""One load test: everything is put in at once, the stack is killed meanwhile, and nothing may be missing in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.load.check import Checked, checked_at_rest
from bench.load.documents import LARGE, Prepared, Question, prepared
from bench.load.ingestion import Ingestion, kill_moments
from bench.load.questions import Questions
from bench.load.result import Latencies, Result
from bench.load.rows import Rows
from bench.load.stack import KillableStack
from bench.load.uploads import Uploads
from local.process import Log

QUESTION_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTest:
    """`data` is an empty folder; `settings` are the stack's, by their names; `log` is told what happens.

    In the end, `asked` small documents and as many pages of the large one have to answer once more.
    """

    data: Path
    documents: int
    pages: int
    kills: int
    seed: int
    asked: int = 20
    settings: Mapping[str, str] = field(default_factory=dict)
    log: Log = lambda _: None

    def run(self) -> Result:
        """What was found. Raises `StartError` where the stack cannot run, or where nothing moves any more."""
        random = Random(self.seed)  # noqa: S311 - the seed is to give the same run again
        files = {file.name: file for file in prepared(self.documents, self.pages, random)}
        moments = [*kill_moments(self.kills, len(files), random)]
        last = [*_last_questions(files, self.asked, random)]
        with KillableStack(self.data, self.settings) as stack:
            self.log(f"ready in {stack.start():.1f} s; {len(files)} files are put in")
            with Questions(stack, random, QUESTION_PAUSE_SECONDS) as questions, Uploads(stack, files) as uploads:
                ingestion = Ingestion(stack=stack, files=files, uploads=uploads, questions=questions, log=self.log)
                ingestion.follow(moments)
                self.log("all documents are finished")
                checked, at_rest_seconds = checked_at_rest(stack.operator_environment())
            latencies = tuple(questions.latencies)
            for question in last:
                questions.ask(question)
            with Rows(stack.operator_environment()) as rows:
                result = self._result(ingestion, rows, checked, latencies, at_rest_seconds)
            stack.stop()
        return result

    def _result(
        self,
        ingestion: Ingestion,
        rows: Rows,
        checked: Checked,
        latencies: tuple[float, ...],
        at_rest_seconds: float,
    ) -> Result:
        questions = ingestion.questions
        faults = [*questions.faults, *rows.faults(), *map(str, checked.violations)]
        if checked.documents != len(ingestion.files):
            faults.append(f"{len(ingestion.files)} files were put in, and there are {checked.documents} documents.")
        if not latencies:
            faults.append("No question was answered while documents came in.")
        finished = ingestion.finished
        return Result(
            seed=self.seed,
            documents=self.documents,
            pages=self.pages,
            chunks=checked.chunks,
            kills=len(ingestion.restarts),
            seconds=max(finished.values()),
            down_seconds=sum(ingestion.restarts),
            at_rest_seconds=at_rest_seconds,
            documents_per_second=self.documents / max(finished[name] for name in finished if name != LARGE),
            pages_per_second=self.pages / finished[LARGE],
            restarts=tuple(ingestion.restarts),
            uploads_repeated=ingestion.uploads.repeated,
            answered=len(latencies),
            cut_short=questions.cut_short,
            latency_ms=Latencies.of(latencies),
            attempts_burned=rows.attempts(),
            failed_messages=rows.failed_messages(),
            faults=tuple(faults),
        )


def _last_questions(files: Mapping[str, Prepared], asked: int, random: Random) -> Iterator[Question]:
    of_large = files[LARGE].questions
    of_small = [question for name, file in files.items() if name != LARGE for question in file.questions]
    for questions in (of_small, of_large):
        yield from random.sample(questions, min(asked, len(questions)))
