"""Times programs from their start to an answer, or to their prompt: python3 startup.py LAB ROUNDS

Every round starts each program once, so that a change of the machine's pace falls on all. The first round warms the
disk's cache and is not counted. A program that is not installed is named, and nothing is claimed against it.
"""

import fcntl
import importlib.util
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE_S = 120
# The lab's promise: its prompt within this time.
PROMPT_MS = 50


def answer(command, typed=None):
    """Milliseconds until `command` has ended; `typed` is its standard input."""
    began = time.perf_counter()
    done = subprocess.run(command, input=typed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE_S)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed:\n{done.stderr.decode(errors='replace')}")
    return took * 1000


def prompt(command, mark):
    """Milliseconds until `command` has written `mark` to a terminal, colours and other escapes left out."""
    began = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        # What runs here is the program to be: a failure must not go on with the bench.
        try:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    shown = b""
    try:
        while mark not in re.sub(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()].|[=>])", b"", shown):
            left = began + PATIENCE_S - time.perf_counter()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                sys.exit(f"`{' '.join(command)}` showed no prompt within {PATIENCE_S} s:\n{shown.decode(errors='replace')}")
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                sys.exit(f"`{' '.join(command)}` ended before its prompt:\n{shown.decode(errors='replace')}")
            if b"\x1b[6n" in shown:
                # Some programs ask where the cursor is, and wait for the answer.
                os.write(terminal, b"\x1b[1;1R")
                shown = shown.replace(b"\x1b[6n", b"")
        return (time.perf_counter() - began) * 1000
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def programs(lab, folder):
    """What can be timed here: name, what it does, how. Says what cannot, and how to get it."""
    there = [
        ("spaceevo", "answer", lambda: answer([lab, "--lab", folder, "-e", "1+1"])),
        ("spaceevo", "prompt", lambda: prompt([lab, "--lab", folder], b"> ")),
        ("python3", "answer", lambda: answer([sys.executable, "-c", "print(1+1)"])),
        ("python3", "prompt", lambda: prompt([sys.executable], b">>> ")),
    ]
    # The interpreter itself: `python3` and `ipython` on the path may be scripts that look for it first.
    ipython = [sys.executable, "-m", "IPython"] if importlib.util.find_spec("IPython") else ["ipython"]
    if shutil.which(ipython[0]):
        there.append(("ipython", "answer", lambda: answer([*ipython, "-c", "1+1"])))
        there.append(("ipython", "prompt", lambda: prompt(ipython, b"In [1]:")))
    else:
        missing("ipython", "python3 -m pip install ipython")
    if shutil.which("evcxr"):
        there.append(("evcxr", "answer", lambda: answer(["evcxr"], b"1+1\n")))
        there.append(("evcxr", "prompt", lambda: prompt(["evcxr"], b">> ")))
    else:
        missing("evcxr", "cargo install --locked evcxr_repl")
    if importlib.util.find_spec("torch"):
        there.append(("import_torch", "answer", lambda: answer([sys.executable, "-c", "import torch"])))
    else:
        missing("import_torch", "python3 -m pip install torch")
    return there


def missing(name, remedy):
    print(f"skipped: {name} is not installed here, so nothing is said about it ({remedy})")


def main():
    lab, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        there = programs(lab, os.path.join(folder, "lab"))
        times = {(name, what): [] for name, what, _ in there}
        for number in range(rounds + 1):
            for name, what, start in there:
                took = start()
                if number:
                    times[name, what].append(took)
    print(f"from the start of the process, {rounds} rounds in turn, milliseconds:")
    print(f"  {'':14}{'':8}{'median':>9}{'fastest':>9}{'slowest':>9}")
    for (name, what), taken in times.items():
        print(f"  {name:14}{what:8}{statistics.median(taken):9.1f}{min(taken):9.1f}{max(taken):9.1f}")
    print(f"asked for: the prompt within {PROMPT_MS} ms; ratios are theirs over ours")
    # `import torch` alone is what a session that trains in its own process waits for before its first answer.
    for what in ("answer", "prompt"):
        ours = statistics.median(times["spaceevo", what])
        for (name, other), taken in times.items():
            if other == what and name != "spaceevo":
                theirs = statistics.median(taken)
                print(f"claim startup_{what} {ours:.1f} ms, baseline {name} {theirs:.1f}, ratio {theirs / ours:.1f}")


main()
