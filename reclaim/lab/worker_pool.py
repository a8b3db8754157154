"""Jobs on all cores: worker processes, results as they come, and an end within a second when asked.

Here: processes and pipes. Not here: what a job is.

Why forked workers on plain pipes instead of an executor: what was prepared (traces in memory, compiled policies) is
there after a fork without being sent or built again, and the parent can end workers in the middle of a job. A worker
notices by itself, at its next report, that its parent has gone, so that none is left behind however the parent ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from reclaim.diag.errors import ReclaimError

Job = TypeVar("Job")
Answer = TypeVar("Answer")

Report = Callable[[int], None]
"""What a job calls now and then with the number of units of work that it has done so far."""

POLL_SECONDS = 0.2
"""How long the parent waits at once; ours: between two polls it can be interrupted on every platform."""

END_SECONDS = 0.5
"""How long a worker that was told to end may take before it is killed; ours: half of the second that Ctrl-C may take."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Tell how far one job is; units of work as the job counts them."""

    job: int
    done: int


@dataclass(frozen=True, slots=True)
class Finished(Generic[Answer]):
    """Hold the answer to one job."""

    job: int
    answer: Answer


def nr_workers(nr_jobs: int) -> int:
    """Return how many processes make sense for some jobs: one per core that we may use."""
    return max(1, min(nr_jobs, len(os.sched_getaffinity(0))))


def work_off(
    jobs: Sequence[Job], perform: Callable[[Job, Report], Answer]
) -> Generator[Progress | Finished[Answer], None, None]:
    """Perform jobs in parallel.

    Args:
        jobs: started in this order; a worker gets the number, so a job is never sent.
        perform: does one; runs in a forked process, so it may use whatever was prepared before.

    Yields:
        How far jobs are, and answers in the order in which they come.

    Raises:
        ReclaimError: what a job raised; the other jobs are ended.
        WorkerBug: a worker died, or a job failed in a way that no user can cause.
    """
    workers: list[_Worker] = []
    try:
        _start_workers(workers, jobs, perform)
        yield from _distribute(len(jobs), workers)
    finally:
        _end_workers(workers)


class WorkerBug(Exception):
    """Signal that a job failed in a way that no user can cause."""


@dataclass(frozen=True, slots=True)
class _Bug:
    message: str
    traceback: str


@dataclass(slots=True)
class _Worker:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    job: int = 0


def _start_workers(
    workers: list[_Worker], jobs: Sequence[Job], perform: Callable[[Job, Report], Answer]
) -> None:
    """Add as many workers as make sense to the list, one by one, so that its owner can end them at any time."""
    context = multiprocessing.get_context("fork")
    sys.stdout.flush()  # what is buffered would be printed by every worker as well
    sys.stderr.flush()
    with _interrupts_held_back():
        for _ in range(nr_workers(len(jobs))):
            ours, theirs = context.Pipe()
            inherited = [worker.pipe for worker in workers] + [ours]
            process = context.Process(target=_serve, args=(theirs, inherited, jobs, perform), daemon=True)
            process.start()
            theirs.close()
            workers.append(_Worker(process, ours))


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the end: what runs around a fork swallows exceptions, and it would be lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _distribute(nr_jobs: int, workers: list[_Worker]) -> Iterator[Progress | Finished[Answer]]:
    waiting = iter(range(nr_jobs))
    busy = {worker.pipe: worker for worker in workers if _give_next(worker, waiting)}
    while busy:
        for ready in wait(list(busy), POLL_SECONDS):
            worker = busy[ready]  # type: ignore[index]  # wait() answers what it was given
            message: Progress | Finished[Answer] = _message_of(worker)
            yield message
            if isinstance(message, Finished) and not _give_next(worker, waiting):
                del busy[worker.pipe]


def _give_next(worker: _Worker, waiting: Iterator[int]) -> bool:
    job = next(waiting, None)
    if job is None:
        return False
    worker.job = job
    worker.pipe.send(job)
    return True


def _message_of(worker: _Worker) -> Progress | Finished[Answer]:
    try:
        message: Progress | Finished[Answer] | ReclaimError | _Bug = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join(END_SECONDS)
        code = worker.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        raise WorkerBug(f"a worker process died ({how}) during job {worker.job}") from None
    if isinstance(message, ReclaimError):
        raise message
    if isinstance(message, _Bug):
        error = WorkerBug(message.message)
        error.add_note(message.traceback)
        raise error
    return message


def _end_workers(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.pipe.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(END_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _serve(
    pipe: Connection,
    inherited: list[Connection],
    jobs: Sequence[Job],
    perform: Callable[[Job, Report], Answer],
) -> None:
    """Perform jobs, by their numbers, until the parent closes the pipe."""
    # Ctrl-C reaches the whole foreground group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in inherited:
        other.close()
    parent = os.getppid()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            number = pipe.recv()

            def report(done: int, number: int = number) -> None:
                if os.getppid() != parent:
                    os._exit(1)
                pipe.send(Progress(number, done))

            pipe.send(_answer_of(number, jobs[number], perform, report))


def _answer_of(
    number: int, job: Job, perform: Callable[[Job, Report], Answer], report: Report
) -> Finished[Answer] | ReclaimError | _Bug:
    """Perform one job; whatever it raises becomes an answer that survives the pipe."""
    try:
        return Finished(number, perform(job, report))
    except ReclaimError as error:
        return ReclaimError(str(error))
    except MemoryError:
        return ReclaimError("this computer has too little memory for that")
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001  # told to the parent, which raises it
        return _Bug(f"{type(error).__name__}: {error}", traceback.format_exc())
