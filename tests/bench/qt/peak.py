"""Runs a command and prints the most memory that it held, in MB of 2^20 bytes: python3 peak.py COMMAND [ARGS]"""

import resource
import subprocess
import sys

subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(f"peak_mb {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.2f}")
