"""Acceptance campaigns, and packages of evidence that a stranger can recompute.

In the order of the work:

    plan      what is compared, by what statistic and bound; frozen before there is data
    campaign  a plan on the disk, with what people left out and handed in; `execution` carries it out
    package   one file that holds all of it: a BagIt bag, signed
    verify    opens a package anywhere and computes everything again from its raw samples
    report    the same findings for people: PDF, XLSX, DOCX; Chinese and English
"""
