"""Times the training of blocks: python3 train.py LAB ROUNDS PYTHON_WITH_TORCH

Runs stand in turn, so that a change of the machine's pace falls on all; each has a lab of its own, which holds the teacher.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Without it, bfloat16 is not for this processor.
HAS_BFLOAT16 = "avx512bw" in open("/proc/cpuinfo").read()
# So long torch.compile may take before its steps count. It compiles the first eight nets (its limit), the others run eagerly.
COMPILE_LIMIT_S = 600
# Asked of shared passes: a table in half the time.
WANTED = 2.0


def script(lab, folder, name, *arguments, trainer=None):
    """What the script `name` gives."""
    environment = dict(os.environ)
    if trainer:
        environment["SPACEEVO_TRAINER"] = trainer
    path = os.path.join(HERE, name)
    call = [lab, "--quiet", "--lab", folder, "--json", path, *arguments]
    done = subprocess.run(call, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"`{' '.join(call)}` failed:\n{done.stderr}")
    return json.loads(done.stdout)


def with_threads(lab, folder, threads):
    """A trainer that has so many threads, whatever it is told."""
    real = os.path.join(os.path.dirname(os.path.abspath(lab)), "spaceevo-trainer")
    path = os.path.join(folder, f"trainer{threads}.sh")
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\nOMP_NUM_THREADS={threads} exec '{real}' --threads {threads}\n")
    os.chmod(path, 0o755)
    return path


def share(lab, rounds, folder):
    for teacher in ("pocket", "heavy"):
        base = os.path.join(folder, teacher)
        script(lab, base, "share.rhai", "--teacher", teacher, "--prepare")
        times, losses = {"shared": [], "apart": []}, []
        for number in range(rounds):
            for how, taken in times.items():
                own = f"{base}.{how}.{number}"
                shutil.copytree(base, own)
                flags = ["--apart"] if how == "apart" else []
                told = script(lab, own, "share.rhai", "--teacher", teacher, *flags)
                taken.append(told["seconds"])
                losses.append(told["losses"])
                shutil.rmtree(own)
        if any(other != losses[0] for other in losses):
            sys.exit(f"teacher {teacher}: the losses differ between shared and single passes")
        shared, apart = (statistics.median(times[how]) for how in ("shared", "apart"))
        print(f"table of pocket, teacher {teacher}: losses equal bit for bit in {len(losses)} runs; asked for: {WANTED} times as fast")
        print(f"  seconds, shared passes: {', '.join(f'{one:.2f}' for one in times['shared'])}")
        print(f"  seconds, one pass a job: {', '.join(f'{one:.2f}' for one in times['apart'])}")
        print(f"claim lut_{teacher} {shared:.2f} s, baseline pass_per_job {apart:.2f}, ratio {apart / shared:.2f}")


def pytorch(python, threads, *flags, limit_s=None):
    """What eager.py tells of each phase that it ends in time, and why it tells no more."""
    call = [python, os.path.join(HERE, "eager.py"), str(threads), *flags]
    ended = ""
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=limit_s)
        lines = done.stdout
        if done.returncode:
            ended = done.stderr.strip().splitlines()[-1]
    except subprocess.TimeoutExpired as late:
        lines = (late.stdout or b"").decode()
        ended = f"still compiling after {limit_s} s"
    told = map(json.loads, lines.splitlines())
    return {one["phase"]: one for one in told}, ended


def steps(lab, rounds, folder, python):
    has_torch = subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0
    if not has_torch:
        print(f"skipped: {python} has no torch, so nothing is said about eager PyTorch (TORCH_PYTHON=... names one that has)")
    if not HAS_BFLOAT16:
        print("skipped: this processor has no AVX-512, so nothing is said about bfloat16")
    for threads in (1, 2):
        ours, mixed, theirs = ({"fp32": [], "int8": []} for _ in range(3))
        trainer = with_threads(lab, folder, threads)
        for number in range(rounds):
            for precision, kept in (("float32", ours), ("bfloat16", mixed))[: 1 + HAS_BFLOAT16]:
                own = os.path.join(folder, f"steps.{precision}.{threads}.{number}")
                told = script(lab, own, "steps.rhai", "--precision", precision, trainer=trainer)
                for phase, taken in kept.items():
                    taken.append(told[phase])
            if has_torch:
                told, ended = pytorch(python, threads)
                if ended:
                    sys.exit(f"eager.py failed: {ended}")
                for phase, taken in theirs.items():
                    taken.append(told[phase]["steps"])
        if has_torch:
            compiled, ended = pytorch(python, threads, "--compile", limit_s=COMPILE_LIMIT_S)
        for phase in ours:
            mine = statistics.median(ours[phase])
            print(f"elastic stage, {phase}, {threads} thread(s): {mine:.1f} steps a second")
            if HAS_BFLOAT16:
                print(f"  in bfloat16: {statistics.median(mixed[phase]):.1f} steps a second")
            if has_torch:
                other = statistics.median(theirs[phase])
                print(f"claim steps_{phase}_{threads}t {mine:.1f} /s, baseline eager_pytorch {other:.1f}, ratio {mine / other:.2f}")
                one = compiled.get(phase)
                reached = f"{one['steps']:.1f} steps a second, after {one['warm_s']:.0f} s of compiling" if one else ended
                print(f"  with torch.compile: {reached}")


def main():
    lab, rounds, python = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        share(lab, rounds, folder)
        steps(lab, rounds, folder, python)


if __name__ == "__main__":
    main()
