"""Several processes of the app behind one address, so that a class has every core.

Python runs one thread at a time in a process. `processes` keeps some of them alive,
and `nginx` leads each browser to the same one, always.
"""
