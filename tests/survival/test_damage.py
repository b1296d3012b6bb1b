"""A page of a log that was overwritten costs what was on it and not a row more."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from plant.batch import BatchBuilder
from plant.batchlog import BatchLog
from plant.errors import Unavailable
from tests.survival import damage
from tests.system.rig import COUNTER


@pytest.mark.parametrize("size", [1, 7, 40])
def test_only_what_was_on_the_page_is_lost_and_it_is_counted(tmp_path: Path, size: int) -> None:
    path = tmp_path / "outbox.sqlite"
    with closing(BatchLog.open(path)) as log:
        for first in range(0, 300 * size, size):
            builder = BatchBuilder()
            for number in range(first, first + size):
                builder.add(COUNTER, number, number, received=number)
            log.put(builder.build())
        log.forget(50)
    lost = damage.page_of_log(path)
    with closing(BatchLog.open(path)) as log:
        with pytest.raises(Unavailable, match="was damaged"):
            log.oldest(1_000)
        found = {int(s.value) for entry in log.oldest(1_000) for s in entry.batch.samples()}
        assert found == set(range(50 * size, 300 * size)) - lost
        assert log.totals.damaged == len(lost) // size
