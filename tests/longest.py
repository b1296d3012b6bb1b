"""The test files that take longest, longest first: several workers then end together, none alone with a long file.

Files that are not named come after these. Nothing depends on the order but the time a run takes.
"""

from __future__ import annotations

LONGEST_FIRST = (
    "tests/containers/test_compose.py",
    "tests/web/test_scene_panels.py",
    "tests/system/test_outages.py",
    "tests/labs/test_scripts.py",
    "tests/web/test_every_page.py",
    "tests/web/test_scene_floor.py",
    "tests/system/test_power_cuts.py",
    "tests/web/test_pages.py",
    "tests/survival/test_faults.py",
    "tests/historian/test_embedded_crash.py",
    "tests/web/test_campaigns.py",
    "tests/system/test_demo.py",
    "tests/api/test_campaigns.py",
    "tests/simulators/test_agv.py",
    "tests/web/test_units.py",
    "tests/api/test_access.py",
    "tests/historian/test_conformance.py",
    "tests/analytics/test_truth.py",
    "tests/simulators/test_faults.py",
    "tests/operations/test_commands.py",
    "tests/operations/test_backup.py",
    "tests/labs/test_sandbox.py",
    "tests/web/test_history.py",
    "tests/web/test_replay.py",
    "tests/simulators/test_scenes.py",
    "tests/system/test_fast_forward.py",
    "tests/api/test_labs.py",
    "tests/collectors/test_opcua.py",
    "tests/analytics/test_acceptance_monte_carlo.py",
    "tests/simulators/test_live.py",
    "tests/simulators/test_network_live.py",
    "tests/simulators/test_agv_vda5050.py",
    "tests/api/test_configuration.py",
    "tests/analytics/test_losses.py",
    "tests/evidence/test_recorded.py",
    "tests/evidence/test_reports.py",
    "tests/docs/test_docs.py",
    "tests/operations/test_reload.py",
    "tests/collectors/test_opcua_recovery.py",
    "tests/survival/test_soak.py",
)
