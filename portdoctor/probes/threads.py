"""Runs blocking work in daemon threads: a thread pool would wait for them at exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_TRIES, _PAUSE = 20, 0.05  # one second in all: threads of other checks end meanwhile


class NoThread(Exception):
    """The system gives this process no further thread."""


async def in_thread(work: Callable[[], T], name: str, *, limit: float | None = None, long: bool = False) -> T:
    """Return the result of `work`, or raise what it raises. TimeoutError after `limit` seconds: the thread continues.

    Where the system gives this process no further thread, the work runs in this one, which blocks the event loop;
    `long` work is not run then, and NoThread is raised.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  raised again in the task that waits
            errors.append(error)
        try:
            loop.call_soon_threadsafe(lambda: None if done.done() else done.set_result(None))
        except RuntimeError:  # the loop is closed: the program is ending
            return

    if not await _started(threading.Thread(target=run, name=name, daemon=True)):
        if long:
            raise NoThread("can't start new thread")
        return work()
    await asyncio.wait({done}, timeout=limit)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


async def _started(thread: threading.Thread) -> bool:
    for _ in range(_TRIES):
        try:
            thread.start()
        except RuntimeError:  # RLIMIT_NPROC, or the limit of a container
            await asyncio.sleep(_PAUSE)
        else:
            return True
    return False
