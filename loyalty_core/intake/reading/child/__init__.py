"""What runs in the child process that reads one uploaded file under limits.

It starts as a program of its own and must start fast, so nothing in here imports the rest of Laurel: an order
comes in as JSON on stdin, events go out as JSON lines on stdout.
"""
