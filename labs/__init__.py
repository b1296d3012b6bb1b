"""Courses and hands-on labs: a line of one's own for every trainee, graded by what is true.

In the order of the work:

    course    what an instructor writes: goals, steps, hints, checks, quiz items
    sandbox   one trainee's simulated line with its own edge, tags and store
    checks    expressions over configuration, tags, indicators and the simulator's truth
    grade     points from checks; attempts, scores, certificates, attendance
"""
