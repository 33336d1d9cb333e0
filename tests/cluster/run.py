"""Trains a small look-up table on another machine (a real ssh server on this one) and in a real Slurm, with accidents.

    python3 tests/cluster/run.py --spaceevo target/debug/spaceevo [ssh] [slurm]

`./x test --cluster` does that, and installs what it needs.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from machines import Slurm, SshServer, end, processes, wait_for

WORLD = """
    define_hyperspace("ember", #{
        resolutions: [32],
        operators: [
            operator("inverted_residual", #{ kernel: [3], expand: [2] }),
            operator("resnet_bottleneck", #{ kernel: [3], expand: [0.5] }),
        ],
        stages: [
            #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
            #{ name: "stage1", widths: [16, 24], window: 2, depths: [1, 2], stride: 2 },
            #{ name: "head", operator: "pooled_head", widths: [32] },
            #{ name: "logits", operator: "classifier", widths: [12] },
        ],
    });
    define_teacher("ember", #{ parts: [
        #{ name: "stem", operator: "stem_conv", widths: [16], stride: 2 },
        #{ name: "stage1", operator: "basic_residual", widths: [16], stride: 2, tap: true },
        #{ name: "head", operator: "pooled_head", widths: [32] },
        #{ name: "logits", operator: "classifier", widths: [12] },
    ], steps: 3, batch: 16 });
    let data = dataset("shapes", #{ train: 256, valid: 64, test: 16, seed: 1 });
    let taught = teacher("ember", #{ data: data });
    let options = #{
        teacher: taught, device: device("flops"), samples: 3, measured: 48,
        steps: STEPS, int8_steps: 30, batch: 8, random: 1, recalibrate: 1, batches: 1, seed: 1,
    };
    let losses = |lut| [lut.table["loss"], lut.table["loss_stderr"], lut.curves()["loss"]];
"""


def check(condition, what, seen=""):
    if not condition:
        raise AssertionError(f"{what}; seen: {seen!r}")
    print(f"  {what}", flush=True)


class Lab:
    """A lab in a folder of its own, whose scripts train at `place`."""

    def __init__(self, spaceevo, folder, environment, place, options=""):
        self.spaceevo, self.folder, self.place, self.options = spaceevo, folder, place, options
        self.environment = os.environ | environment
        folder.mkdir()

    def begin(self, script, steps=90, place=None):
        on = place or f'executor("{self.place}", #{{ {self.options} }})'
        file = self.folder / "script.rhai"
        file.write_text(WORLD.replace("STEPS", str(steps)) + f"options.on = {on};\n{script}\n")
        command = [self.spaceevo, "--lab", "lab", "--workers", "1", "--json", "script.rhai"]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=open(self.folder / "out", "w"), stderr=open(self.folder / "err", "w"))

    def said(self):
        return (self.folder / "err").read_text(errors="replace")

    def end(self, session, code=0):
        status = session.wait(400)
        check(status == code, f"the session ends with {code}", self.said())
        out = (self.folder / "out").read_text()
        return json.loads(out) if code == 0 else out

    def run(self, script, code=0, **options):
        return self.end(self.begin(script, **options), code)


TABLE = 'losses.call(build_lut(hyperspace("ember"), options))'
SUBMIT = 'let job = submit(|| build_lut(hyperspace("ember"), options)); '


def states(root):
    """What the state files below a folder say, by file."""
    found = {}
    for file in sorted((root / "submitted").glob("*/*.state.json")):
        try:
            found[file] = json.loads(file.read_text())
        except (OSError, ValueError):
            pass
    return found


def steps_of(root):
    return max([state["done"] for state in states(root).values() if state["total"] > 0 and state["stage"] == "running"], default=0)


def ssh(spaceevo, trainer, folder):
    server = SshServer(folder / "server")
    there = folder / "there"
    try:
        calm = Lab(spaceevo, folder / "calm", {}, "local")
        wanted = calm.run(TABLE, place='"local"')

        def lab(name, options=f'workers: 2, trainer: "{trainer}"', root=there):
            return Lab(spaceevo, folder / name, server.environment, f"ssh://there{root}", options)

        far = lab("far")
        check(far.run(TABLE) == wanted, "a table trained over ssh is the local one to the last bit", far.said())
        check(not list((there / "submitted").glob("*/batch.json")), "what was taken up is cleared away there")
        far.run(TABLE)
        check("trained blocks: 2 of 2 taken from the lab" in far.said(), "a second run trains nothing", far.said())

        # The connection is cut, and for a while there is none.
        cut, root = lab("cut", root=folder / "cut_there"), folder / "cut_there"
        longer = calm.run(TABLE, place='"local"', steps=600)
        session = cut.begin(TABLE, steps=600)
        wait_for("the tenth step there", lambda: steps_of(root) >= 10, 120)
        server.cut()
        before = steps_of(root)
        wait_for("a word on the connection", lambda: "trying again" in cut.said(), 120)
        wait_for("steps without a connection", lambda: steps_of(root) != before, 60)
        server.start()
        check(cut.end(session) == longer, "a connection that is cut costs nothing", cut.said())

        # The process of a job is killed there.
        killed, root = lab("killed", root=folder / "killed_there"), folder / "killed_there"
        session = killed.begin(TABLE, steps=600)
        wait_for("the tenth step there", lambda: steps_of(root) >= 10, 120)
        end(processes("--batch", str(root), "--job"))
        check(killed.end(session) == longer, "a job whose process is killed there is run once more", killed.said())
        check("it is run once more" in killed.said(), "that is told", killed.said())

        # Submitted by one session, taken up by another.
        submitted, root = lab("submitted", root=folder / "submitted_there"), folder / "submitted_there"
        seen = submitted.run(SUBMIT + "[job.done, job.progress().height]", steps=600)
        check(seen[0] is False and seen[1] >= 3, "blocks and their losses are submitted at once", seen)
        listed = submitted.run("submitted().map(|one| one.progress().height)", steps=600)
        check(sum(listed) >= 1, "a later session lists them", listed)
        session = submitted.begin(SUBMIT + "losses.call(job.wait())", steps=600)
        # On a fast machine all may be done by now.
        wait_for("a step there", lambda: steps_of(root) >= 1 or session.poll() is not None, 120)
        end([session.pid])
        session.wait()
        last = submitted.run(SUBMIT + "losses.call(job.wait())", steps=600)
        check(last == longer, "a session that is killed while it waits costs nothing", submitted.said())
        check(submitted.run("submitted().len()") == 0, "nothing is left to wait for")

        # Faults.
        other = folder / "other"
        other.write_text('#!/bin/sh\necho \'{"hello":{"build":"0000","protocol":1}}\'\n')
        other.chmod(0o755)
        for name, options, code in [
            ("old", f'trainer: "{other}"', "executor::build"),
            ("none", 'trainer: "/nowhere/at/all"', "executor::no_trainer"),
        ]:
            faulty = lab(name, options)
            faulty.run(TABLE, code=1)
            check(code in faulty.said(), f"{code} is said", faulty.said())
        nobody = Lab(spaceevo, folder / "nobody", server.environment, "ssh://nobody.invalid")
        nobody.run(TABLE, code=1)
        check("executor::unreachable" in nobody.said() and "host unreachable" in nobody.said(), "executor::unreachable is said")
    finally:
        server.stop()


def slurm(spaceevo, folder):
    cluster = Slurm(folder / "cluster")
    try:
        calm = Lab(spaceevo, folder / "calm_slurm", {}, "local")
        wanted, longer = (calm.run(TABLE, place='"local"', steps=steps) for steps in [90, 900])

        def lab(name):
            return Lab(spaceevo, folder / name, cluster.environment, "slurm", 'workers: 2, sbatch: ["--mem=100"]')

        array = lab("array")
        check(array.run(TABLE) == wanted, "a table trained in Slurm is the local one to the last bit", array.said())
        array.run(TABLE)
        check("trained blocks: 2 of 2 taken from the lab" in array.said(), "a second run trains nothing", array.said())

        # Submitted with what depends on it, and cancelled; what had been reached is kept.
        halted = lab("halted")
        root = halted.folder / "lab"
        seen = halted.run(SUBMIT + "[job.done, job.progress().height]", steps=900)
        check(seen[0] is False and seen[1] >= 3, "blocks and their losses are submitted at once", seen)
        wait_for("losses that wait for their blocks", lambda: "afterany" in cluster.ask("squeue", "-h", "-o", "%E"))
        wait_for("the tenth step", lambda: steps_of(root) >= 10, 120)
        halted.run("for one in submitted() { one.cancel(); }")
        wait_for("an empty queue", lambda: not cluster.ask("squeue", "-h"))
        check(halted.run("submitted().len()") == 0, "nothing is left of what was cancelled", halted.said())
        check(list(root.glob("train_block/*/checkpoint.bin")), "it left checkpoints")
        check(halted.run(TABLE, steps=900) == longer, "it goes on to the same table", halted.said())
        check("goes on after step" in halted.said(), "from where it stood", halted.said())

        # Slurm ends a task by itself; the session submits what is missing.
        ended = lab("ended")
        root = ended.folder / "lab"
        session = ended.begin(TABLE, steps=900)
        wait_for("the tenth step", lambda: steps_of(root) >= 10, 120)
        tasks = cluster.ask("squeue", "-h", "-r", "-t", "R", "-o", "%F_%K").splitlines()
        cluster.ask("scancel", tasks[0])
        check(ended.end(session) == longer, "a task that Slurm ended is submitted again", ended.said())
        check("goes on after step" in ended.said(), "and goes on", ended.said())

        without = Lab(spaceevo, folder / "without", {"PATH": "/nowhere"}, "slurm")
        (folder / "bare").mkdir()
        for name in ["sh", "mkdir"]:
            (folder / "bare" / name).symlink_to(f"/bin/{name}")
        without.environment["PATH"] = str(folder / "bare")
        without.run(TABLE, code=1)
        check("executor::no_slurm" in without.said() and "sbatch not found" in without.said(), "executor::no_slurm is said")
    finally:
        cluster.stop()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--spaceevo", type=pathlib.Path, required=True)
    arguments.add_argument("scenes", nargs="*", default=["ssh", "slurm"], help="ssh, slurm")
    given = arguments.parse_args()
    spaceevo = given.spaceevo.resolve()
    with tempfile.TemporaryDirectory(prefix="spaceevo-") as folder:
        folder = pathlib.Path(folder)
        for scene in given.scenes:
            print(f"{scene}:", flush=True)
            if scene == "ssh":
                ssh(spaceevo, spaceevo.with_name("spaceevo-trainer"), folder)
            elif scene == "slurm":
                slurm(spaceevo, folder)
            else:
                sys.exit(f"no scene is called {scene}")


main()
