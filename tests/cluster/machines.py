"""Throw-away machines on this one: an ssh server on the loopback interface, and a Slurm cluster of one node."""

import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, look, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} never came")


def processes(*words):
    """Numbers of the processes whose command line holds all of these words."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words) and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def end(pids, how=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass


class SshServer:
    """An sshd of the current user with keys of its own; `environment` lets the lab reach it as the host `there`."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        for name in ["host", "user"]:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "user.pub", folder / "authorized")
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin prohibit-password\n"
        )
        (folder / "config").write_text(
            f"Host there\nHostName 127.0.0.1\nPort {self.port}\nUser {getpass.getuser()}\nIdentityFile {folder}/user\n"
            f"IdentitiesOnly yes\nUserKnownHostsFile {folder}/known\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n"
        )
        self.environment = {"SPACEEVO_SSH": f"ssh -F {folder}/config"}
        self.start()

    def start(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.server = subprocess.Popen([shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin"), "-D", "-e", "-f", self.folder / "sshd_config"],
                                       stderr=open(self.folder / "log", "a"))

        def answers():
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for("the ssh server", answers)

    def children(self):
        """Its processes for connections."""
        listed = subprocess.run(["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
        own, grown = {str(self.server.pid)}, True
        while grown:
            more = {pid for pid, parent, name in rows if parent in own and name.startswith("sshd")}
            grown = not more <= own
            own |= more
        return [int(pid) for pid in own if pid != str(self.server.pid)]

    def cut(self):
        """Ends the server and every connection to it; what was started over them goes on."""
        connections = self.children()
        self.server.terminate()
        self.server.wait()
        end(connections)
        end(processes("ssh", f"{self.folder}/config"))

    def stop(self):
        self.cut()


class Slurm:
    """A cluster of this machine alone; `environment` lets its programs find it."""

    def __init__(self, folder):
        self.folder, self.running = folder, []
        folder.mkdir()
        host = socket.gethostname().split(".")[0]
        for name in ["state", "spool"]:
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        cores = os.cpu_count()
        (folder / "slurm.conf").write_text(f"""
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={getpass.getuser()}
SlurmdUser={getpass.getuser()}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self.start("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
                   f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed", f"--log-file={folder}/munged.log")
        wait_for("munge", lambda: (folder / "munge.socket").exists())
        self.start("slurmctld", "-D", "-c")
        self.start("slurmd", "-D")
        wait_for("an idle node", lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"))

    def start(self, name, *arguments):
        program = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin")
        log = open(self.folder / f"{name}.out", "a")
        self.running.append(subprocess.Popen([program, *arguments], stdout=log, stderr=log, env=os.environ | self.environment))

    def ask(self, *words):
        said = subprocess.run(words, capture_output=True, text=True, env=os.environ | self.environment)
        if said.returncode:
            print(f"  {' '.join(words)}: {said.stderr.strip()}")
        return said.stdout.strip()

    def stop(self):
        self.ask("scancel", "-u", getpass.getuser())
        wait_for("the end of its jobs", lambda: not self.ask("squeue", "-h"))
        for one in reversed(self.running):
            one.terminate()
        for one in reversed(self.running):
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
