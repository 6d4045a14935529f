"""Reference programs: the mathematics of the operators and of the models, in slow and obvious NumPy.

Import with test/ on the path: `from reference import ops`, `from reference.models import s4d`.
"""
