"""The bench `onnxruntime`: the lab's clock beside ONNX Runtime's own Python API, on the same files in the same rounds."""
import functools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

lab, script, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
BURST = 5


def vnni():
    with open("/proc/cpuinfo") as info:
        flags = next((line for line in info if line.startswith("flags")), "")
    return "avx512_vnni" in flags or "avx_vnni" in flags


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    if not vnni():
        # As the lab does where bytes would saturate.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def bound(own, feed):
    """Its inputs and outputs stay in the runtime's memory, as in the lab; else each run pays for a new NumPy array."""
    binding = own.io_binding()
    for name, values in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(values))
    for output in own.get_outputs():
        binding.bind_output(output.name, "cpu")
    return lambda: own.run_with_iobinding(binding)


def burst(run):
    run()
    times = []
    for _ in range(BURST):
        began = time.thread_time_ns()
        run()
        times.append((time.thread_time_ns() - began) / 1e6)
    return min(times)


with tempfile.TemporaryDirectory() as folder:
    call = [lab, "--quiet", "--lab", os.path.join(folder, "lab"), "run", script, "--folder", folder, "--burst", str(BURST)]
    child = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout.readline().strip() != "ready":
            sys.exit("the lab did not write its models")
        sessions, pairs = {}, {}
        wanted = None
        while wanted is None or min(len(own) for own in pairs.values()) < rounds or len(pairs) < wanted:
            line = child.stdout.readline()
            if not line:
                sys.exit("the lab ended early")
            # It sleeps between bursts; stopped, it cannot disturb ours.
            os.kill(child.pid, signal.SIGSTOP)
            row = json.loads(line)
            path = row["file"]
            if path not in sessions:
                own = session(path)
                shape = [size if isinstance(size, int) else 1 for size in own.get_inputs()[0].shape]
                values = numpy.random.default_rng(1).uniform(-2, 2, shape).astype(numpy.float32)
                feed = {own.get_inputs()[0].name: values}
                sessions[path] = bound(own, feed), functools.partial(own.run, None, feed)
                pairs[path] = []
            elif wanted is None and len(pairs[path]) > 0:
                wanted = len(pairs)
            runs = sessions[path]
            # Now the one first, now the other.
            order = (0, 1) if len(pairs[path]) % 2 else (1, 0)
            times = dict((which, burst(runs[which])) for which in order)
            pairs[path].append((min(row["ms"]), times[0], times[1]))
            os.kill(child.pid, signal.SIGCONT)
    finally:
        child.kill()
        child.wait()

print(f"{'model':<24} {'lab ms':>9} {'python ms':>10} {'ratio':>7} {'with NumPy outputs':>19}   (ONNX Runtime {onnxruntime.__version__}, {rounds} rounds)")
worst = None
for path, own in sorted(pairs.items()):
    ratio = statistics.median(lab / python for lab, python, _ in own)
    plain = statistics.median(lab / python for lab, _, python in own)
    ours, theirs, _ = (statistics.median(column) for column in zip(*own))
    print(f"{os.path.basename(path):<24} {ours:>9.3f} {theirs:>10.3f} {ratio:>7.4f} {plain:>19.4f}")
    if theirs >= 1.0 and (worst is None or abs(ratio - 1) > abs(worst[0] - 1)):
        worst = ratio, ours, theirs, os.path.basename(path)
if worst is None:
    sys.exit("no model takes 1 ms or more here")
print(f"claim agreement_{worst[3].removesuffix('.onnx')} {worst[1]:.4f} ms, baseline onnxruntime_python {worst[2]:.4f}, ratio {worst[0]:.4f}")
