"""Courses and hands-on labs: what a course is, what of it somebody has done, and what that is worth.

Everything here is plain data and pure functions but for one SQLite file (`register`). The lines
on which trainees practise are behind a port (`sandboxes`); whoever opens one lives above.
"""
