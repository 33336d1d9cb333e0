"""Times Jupyter kernels: python3 kernel.py LAB CELLS STARTS

All kernels run at once and are asked in turn, so that a change of the machine's pace falls on all. A cell is timed from
sending `1+1` to its execute_reply, a start from starting the process to its first kernel_info_reply.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import zmq
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

PATIENCE_S = 120
# Not counted: caches, first use of everything.
WARM = 20


class Kernel:
    def __init__(self, argv, folder):
        self.file, _ = write_connection_file(os.path.join(folder, f"kernel-{time.monotonic_ns()}.json"))
        argv = [part.replace("{connection_file}", self.file) for part in argv]
        began = time.perf_counter()
        self.process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = BlockingKernelClient(connection_file=self.file)
        self.client.load_connection_file()
        # A client that found no one yet tries again after 100 ms, which would be timed instead of the kernels.
        self.client.context.setsockopt(zmq.RECONNECT_IVL, 1)
        # The shell alone: what others would wait for is not timed.
        self.client.start_channels(iopub=True, stdin=False, hb=False)
        self.client.kernel_info()
        reply = self.client.get_shell_msg(timeout=PATIENCE_S)
        assert reply["msg_type"] == "kernel_info_reply", reply
        self.start_ms = (time.perf_counter() - began) * 1000

    def cell_ms(self):
        began = time.perf_counter()
        number = self.client.execute("1+1")
        reply = self.client.get_shell_msg(timeout=PATIENCE_S)
        took = (time.perf_counter() - began) * 1000
        assert reply["parent_header"]["msg_id"] == number and reply["content"]["status"] == "ok", reply
        # The next cell begins when this one is over for every listener.
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            if message["content"].get("execution_state") == "idle" and message["parent_header"].get("msg_id") == number:
                return took

    def stop(self):
        self.client.stop_channels()
        self.process.kill()
        self.process.wait()


def kernels(lab, folder):
    """Those that can be timed here, and how they are started. Says which cannot, and how to get them."""
    there = {
        "spaceevo": [lab, "--lab", os.path.join(folder, "lab"), "kernel", "--connection-file", "{connection_file}"],
        "ipykernel": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    }
    if shutil.which("evcxr_jupyter"):
        there["evcxr_jupyter"] = ["evcxr_jupyter", "--control_file", "{connection_file}"]
    else:
        print("skipped: evcxr_jupyter is not installed here, so nothing is said about it (cargo install --locked evcxr_jupyter)")
    return there


def line(name, what, times):
    print(f"  {name:14}{what:8}{statistics.median(times):9.2f}{min(times):9.2f}{max(times):9.2f}")


def main():
    lab, cells, starts = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
        os.environ["IPYTHONDIR"] = os.path.join(folder, "ipython")
        there = kernels(lab, folder)
        started = {name: [] for name in there}
        for number in range(starts + 1):
            for name, argv in there.items():
                kernel = Kernel(argv, folder)
                kernel.stop()
                if number:
                    started[name].append(kernel.start_ms)
        running = {name: Kernel(argv, folder) for name, argv in there.items()}
        taken = {name: [] for name in there}
        try:
            for number in range(cells + WARM):
                for name, kernel in running.items():
                    took = kernel.cell_ms()
                    if number >= WARM:
                        taken[name].append(took)
        finally:
            for kernel in running.values():
                kernel.stop()
    print(f"milliseconds; {starts} starts to the first kernel_info_reply, {cells} cells `1+1` to their execute_reply, in turn:")
    print(f"  {'':14}{'':8}{'median':>9}{'fastest':>9}{'slowest':>9}")
    for name in there:
        line(name, "start", started[name])
        line(name, "cell", taken[name])
    print("ratios are theirs over ours")
    for what, times in (("kernel_cell", taken), ("kernel_start", started)):
        ours = statistics.median(times["spaceevo"])
        for name in there:
            if name != "spaceevo":
                theirs = statistics.median(times[name])
                print(f"claim {what} {ours:.2f} ms, baseline {name} {theirs:.2f}, ratio {theirs / ours:.1f}")


main()
