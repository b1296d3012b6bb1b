"""What the rules of a configuration do by themselves is in the audit log like what people do."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard_api.audit import AuditLog, records
from plant.clock import SystemClock
from provenline import thinning
from provenline.retention import Done


@pytest.mark.parametrize(("done", "noted"), [(Done(), 0), (Done(samples=86_400, buckets=1_440, bytes=9, days=1), 1)])
def test_a_round_that_let_something_go_leaves_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Done, noted: int
) -> None:
    for name in ("protections", "groups", "plan"):
        monkeypatch.setattr(thinning, name, lambda *_, **__: ())
    monkeypatch.setattr(thinning, "can_thin", lambda _: True)
    monkeypatch.setattr(thinning, "carry_out", lambda *_, **__: done)
    clock = SystemClock()
    with closing(AuditLog(tmp_path / "audit.db", clock=clock)) as log:
        counts = SimpleNamespace(retention_overdue=0, retention_failures=0, retention_run=0)
        store, configuration = SimpleNamespace(paths=tuple), SimpleNamespace(folder=tmp_path)
        centre = SimpleNamespace(
            historian=store, configuration=configuration, counts=counts, desk=None, clock=clock, audit=log
        )
        thinning.one_round(centre, threading.Event())
    found = list(records(tmp_path / "audit.db"))
    assert [(r.actor, r.kind, r.action, r.subject) for r in found] == [
        ("retention", "local", "retention.thin", str(tmp_path))
    ] * noted
    assert [json.loads(r.after)["samples"] for r in found] == [86_400] * noted
