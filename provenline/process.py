"""A process that ends well: Ctrl-C and SIGTERM unwind everything, faults are one clear line."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import structlog
from rich.markup import escape

from plant.errors import ProvenlineError
from provenline.screen import err

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
_PATIENCE = 1.0


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `main` until it ends or the process is asked to stop; exit ≠ 0 when it failed.

    Being asked to stop cancels `main`, whose contexts close what they opened; that is a
    success. A second Ctrl-C ends at once.
    """
    try:
        asyncio.run(_guarded(main))
    except (ProvenlineError, OSError, ExceptionGroup) as error:
        errors = _leaves(error)
        if not all(isinstance(e, (ProvenlineError, OSError)) for e in errors):
            raise
        fail("; ".join(dict.fromkeys(str(e) for e in errors)))


async def _guarded(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(main())
    asked = False

    def stop(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            sys.exit(EXIT_INTERRUPTED)
        asked = True
        structlog.get_logger(__name__).info("stopping", signal=number.name)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not asked:
            raise
        # Everything is closed and on disk. A thread that hangs in a name look-up must not keep the process.
        last_resort = threading.Timer(_PATIENCE, os._exit, [0])
        last_resort.daemon = True
        last_resort.start()


def end_with_starter() -> None:
    """End this process's group when its standard input closes: whoever started it is gone, however it went.

    For a process that was started as the head of a group of its own, its standard input a pipe.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.killpg(0, signal.SIGTERM)
        time.sleep(_PATIENCE)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="whoever started this", daemon=True).start()


def fail(message: str) -> NoReturn:
    """Say what is wrong, in red, and exit with 1."""
    err.print(f"[red]provenline:[/red] {escape(message)}", soft_wrap=True)
    sys.exit(EXIT_FAILED)


def _leaves(error: Exception) -> list[Exception]:
    if not isinstance(error, ExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]


def log_plainly(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Set up logging: readable lines on a terminal, one JSON object a line for machines; libraries included."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(pad_event_to=36, colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    finish = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    named = structlog.stdlib.add_logger_name
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[named, *shared], processors=finish))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for noisy in ("asyncua", "pymodbus", "amqtt", "transitions"):
        # Libraries log what their callers are told anyway, and again on every attempt.
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
