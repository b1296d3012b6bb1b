"""Running a centre: backup, upgrade, reload, what is measured, what is wrong."""
