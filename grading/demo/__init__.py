"""The demo: an invented class, its papers, and a teacher who takes the routine steps.

Comes in: nothing. Goes out: people, an exam and a generated ZIP of handwritten-looking papers,
so that a newcomer can watch a class go through the whole pipeline.
"""
