"""A kernel to test against: started as Jupyter starts it, and read to the last message.

The environment names the program (SPACEEVO). Every message that a client gets is looked at: one that belongs to nothing
that was asked fails the test, as does one that is not read before the kernel is stopped.
"""

import os
import queue
import subprocess
import tempfile
import time
import unittest

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session
from jupyter_kernel_test.msgspec_v5 import schema_fragments, validate_message

PROGRAM = os.path.abspath(os.environ["SPACEEVO"])
PATIENCE_S = 60

# One home for all tests of a run, so that nothing of the person's is read or written.
_home = tempfile.TemporaryDirectory(prefix="spaceevo-kernel-")
HOME = _home.name
# Tools that lie in the person's home are still found.
for variable, folder in {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}.items():
    os.environ.setdefault(variable, os.path.expanduser(os.path.join("~", folder)))
os.environ["HOME"] = HOME
os.environ["XDG_STATE_HOME"] = os.path.join(HOME, "state")
os.environ["JUPYTER_DATA_DIR"] = os.path.join(HOME, "jupyter")
os.environ["JUPYTER_RUNTIME_DIR"] = os.path.join(HOME, "runtime")
os.environ.pop("JUPYTER_PATH", None)
subprocess.run([PROGRAM, "kernel", "install", "--user"], check=True, stdout=subprocess.DEVNULL)


class Cell:
    """What came of one cell."""

    def __init__(self, reply, messages):
        self.reply = reply["content"] if reply else None
        self.messages = messages

    def of(self, kind):
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    def stream(self, name):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    @property
    def out(self):
        return self.stream("stdout")

    @property
    def err(self):
        return self.stream("stderr")

    @property
    def value(self):
        """The text of the cell's value."""
        results = self.of("execute_result")
        assert len(results) < 2, results
        return results[0]["data"]["text/plain"] if results else None


class Client:
    """One client of a kernel, which accounts for every message that it gets."""

    def __init__(self, kernel):
        # Of its own session, as every program that talks to a kernel is.
        key = kernel.manager.session.key
        self.client = kernel.manager.client(session=Session(key=key))
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)
        self.heard = {}
        self.ours = set()
        # What others asked reaches all clients; of it nothing is expected.
        self.listens_in = False

    def close(self):
        self.client.stop_channels()

    def send(self, code, **options):
        """Sends a cell, and gives its number."""
        number = self.client.execute(code, **options)
        self.ours.add(number)
        return number

    def hear(self, timeout=PATIENCE_S):
        """The next message for all clients, kept under what it came of."""
        message = self.client.get_iopub_msg(timeout=timeout)
        parent = message["parent_header"].get("msg_id")
        if message["msg_type"] == "iopub_welcome" or message["content"].get("execution_state") == "starting":
            return message
        if message["msg_type"] in schema_fragments:
            validate_message(message, message["msg_type"], parent)
        self.heard.setdefault(parent, []).append(message)
        return message

    def hear_until(self, number, is_last, timeout=PATIENCE_S):
        """Listens until a message that came of `number` is the one waited for."""
        end = time.monotonic() + timeout
        for message in self.heard.get(number, []):
            if is_last(message):
                return message
        while True:
            message = self.hear(max(0.01, end - time.monotonic()))
            if message["parent_header"].get("msg_id") == number and is_last(message):
                return message

    def finish(self, number, timeout=PATIENCE_S):
        """Waits for the answer to a cell and for all that it shows."""
        reply = self.answer(number, timeout)
        self.hear_until(number, is_idle, timeout)
        return Cell(reply, self.heard.pop(number))

    def answer(self, number, timeout=PATIENCE_S):
        reply = self.client.get_shell_msg(timeout=timeout)
        while reply["msg_type"] == "kernel_info_reply" and reply["parent_header"]["msg_id"] not in self.ours:
            # `wait_for_ready` asks more than once where a machine is slow.
            reply = self.client.get_shell_msg(timeout=timeout)
        assert reply["parent_header"]["msg_id"] == number, reply
        # The suite's scheme has an older word for cells that are not evaluated after one that failed.
        if reply["content"].get("status") != "aborted":
            validate_message(reply, reply["msg_type"], number)
        return reply

    def run(self, code, timeout=PATIENCE_S, **options):
        return self.finish(self.send(code, **options), timeout)

    def ask(self, method, *arguments, **options):
        """Any other question: its answer's content."""
        number = getattr(self.client, method)(*arguments, **options)
        self.ours.add(number)
        content = self.answer(number)["content"]
        self.hear_until(number, is_idle)
        self.heard.pop(number)
        return content

    def check_all_read(self):
        """Nothing may be left that was not asked for, or not looked at."""
        left = []
        for channel in (self.client.shell_channel, self.client.stdin_channel):
            while True:
                try:
                    left.append(channel.get_msg(timeout=0.05))
                except queue.Empty:
                    break
        while True:
            try:
                self.hear(timeout=0.2)
            except queue.Empty:
                break
        for parent, messages in self.heard.items():
            # `wait_for_ready` asks who the kernel is, the manager interrupts, and neither listens to the end.
            asked = {message["parent_header"].get("msg_type") for message in messages}
            states = all(message["msg_type"] == "status" for message in messages)
            by_manager = states and asked <= {"kernel_info_request", "interrupt_request"}
            others = self.listens_in and parent not in self.ours
            # While a cell runs, a kernel that answered something else says again that it is busy.
            again = states and parent in self.ours
            if not (by_manager or others or again):
                left.extend(messages)
        assert not left, f"unread: {[(message['msg_type'], message['content']) for message in left]}"


def is_idle(message):
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


class Kernel:
    """A kernel of its own in a folder of its own."""

    def __init__(self, folder=None, **options):
        self.folder = folder or tempfile.mkdtemp(dir=HOME)
        self.log = open(os.path.join(HOME, f"log-{time.monotonic_ns()}"), "w+")
        self.manager = KernelManager(kernel_name="spaceevo", kernel_spec_manager=KernelSpecManager(), **options)
        self.start()

    def start(self):
        self.manager.start_kernel(cwd=self.folder, stderr=self.log)

    def said(self):
        """What it wrote to standard error."""
        self.log.flush()
        with open(self.log.name) as log:
            return log.read()

    @property
    def process(self):
        return self.manager.provisioner.process

    def stop(self):
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.log.close()


class KernelTest(unittest.TestCase):
    """A kernel for all tests of a class, a client for each."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel()

    @classmethod
    def tearDownClass(cls):
        cls.kernel.stop()

    def setUp(self):
        self.client = Client(self.kernel)

    def tearDown(self):
        try:
            self.client.check_all_read()
        finally:
            self.client.close()

    def run_ok(self, code, **options):
        cell = self.client.run(code, **options)
        self.assertEqual(cell.reply["status"], "ok", cell.reply)
        return cell
