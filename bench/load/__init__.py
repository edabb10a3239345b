"""`make load`: mixed traffic for minutes on a real server, and what it does to answers, times and memory.

`traffic.py` is run by locust in a process of its own, as it changes sockets and threads of whoever imports it.
"""

RESULTS = "LOAD_RESULTS"
"""The variable with the name of the file which the traffic writes its figures to."""
RATE = "LOAD_RATE"
"""The variable with the calls a second of each user."""
