"""What goes wrong around a kernel: interrupts, restarts, clients that leave or forge, killed processes."""

import os
import signal
import subprocess
import sys
import time
import unittest

from harness import HOME, Client, Kernel, KernelTest

ENDLESS = 'evolve(hyperspace("mobilew"), #{ minimize: |s| s.largest.mflops, strategy: random_search(), evaluations: 100000000, name: "%s" })'
TRAINING = """
train_block(hyperspace("pocket"), "stage2", "inverted_residual", #{ teacher: teacher("shapes_resnet"), steps: 1000000 })
"""


def shows(kind):
    return lambda message: message["msg_type"] == kind


class Interrupts(KernelTest):
    def interrupt(self):
        began = time.monotonic()
        self.kernel.manager.interrupt_kernel()
        return began

    def test_a_loop_stops_and_all_is_kept(self):
        self.run_ok("let kept = 41;")
        number = self.client.send('print("on"); loop {}')
        self.client.hear_until(number, shows("stream"))
        began = self.interrupt()
        self.assertEqual(self.client.finish(number).reply["ename"], "session::interrupted")
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(self.run_ok("kept + 1").value, "42")

    def test_native_work_stops(self):
        # One call of a primitive that counts for minutes.
        number = self.client.send('print("on"); ' + ENDLESS % "interrupted")
        self.client.hear_until(number, shows("stream"))
        time.sleep(0.3)
        began = self.interrupt()
        cell = self.client.finish(number)
        self.assertLess(time.monotonic() - began, 10)
        # What a search has done until it is stopped is at hand.
        self.assertEqual(cell.reply["ename"], "session::interrupted", cell.reply)
        self.assertGreater(int(self.run_ok("last_study().history.height").value), 0)

    def test_a_command_of_the_shell_stops_with_what_it_started(self):
        number = self.client.send("!echo on; sleep 300; echo off")
        self.client.hear_until(number, shows("stream"))
        began = self.interrupt()
        cell = self.client.finish(number)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((cell.reply["ename"], cell.out), ("session::interrupted", "on\n"))

    def test_an_interrupt_while_nothing_runs_harms_nothing(self):
        self.interrupt()
        # It comes on a channel of its own, which the next cell may overtake.
        time.sleep(0.3)
        self.assertEqual(self.run_ok("1 + 1").value, "2")

    def test_a_signal_interrupts_too(self):
        number = self.client.send('print("on"); loop {}')
        self.client.hear_until(number, shows("stream"))
        os.kill(self.kernel.process.pid, signal.SIGINT)
        self.assertEqual(self.client.finish(number).reply["ename"], "session::interrupted")

    def test_a_worker_that_trains_is_interrupted_and_ended(self):
        number = self.client.send(TRAINING)
        self.client.hear_until(number, shows("display_data"), timeout=120)
        self.interrupt()
        time.sleep(0.5)
        self.interrupt()
        cell = self.client.finish(number, timeout=60)
        self.assertEqual(cell.reply["status"], "error", cell.reply)
        # The second one, if the first was enough, is meant for nobody.
        time.sleep(0.3)
        self.assertEqual(self.run_ok("1 + 1").value, "2")


class Clients(KernelTest):
    def test_two_clients_at_once(self):
        other = Client(self.kernel)
        self.client.listens_in = other.listens_in = True
        mine, theirs = self.client.send("sleep(0.3); let of_one = 1; of_one"), other.send("let of_two = 2; of_two")
        self.assertEqual(self.client.finish(mine).value, "1")
        self.assertEqual(other.finish(theirs).value, "2")
        self.assertEqual(self.run_ok("of_one + of_two").value, "3")
        # Each hears what the other asked.
        heard = other.hear_until(mine, shows("execute_input"))
        self.assertIn("of_one", heard["content"]["code"])
        # A fault of one aborts nothing of the other's.
        failing, waiting = self.client.send("sleep(0.5); throw 1"), other.send("5")
        self.assertEqual(self.client.finish(failing).reply["status"], "error")
        self.assertEqual(other.finish(waiting).value, "5")
        other.check_all_read()
        other.close()

    def test_a_client_that_leaves_in_the_midst(self):
        other = Client(self.kernel)
        self.client.listens_in = True
        number = other.send("for n in 0..20000 { print(n); sleep(0.00005); } let after_leaving = 3;")
        other.hear_until(number, shows("stream"))
        other.close()
        time.sleep(0.5)
        self.assertEqual(self.run_ok("after_leaving").value, "3")

    def test_a_forged_message_is_logged_and_ignored(self):
        key = self.client.client.session.key
        self.client.client.session.key = b"a wrong key"
        self.client.client.execute("let forged = 1;")
        self.client.client.session.key = key
        self.assertEqual(self.client.run("forged").reply["ename"], "script::unknown_variable")
        self.assertIn("its signature is wrong", self.kernel.said())

    def test_what_is_no_message_is_ignored(self):
        socket = self.client.client.shell_channel.socket
        for parts in [[b"nonsense"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{", b"{}", b"{}", b"{}"], [b""]]:
            socket.send_multipart(parts)
        self.assertEqual(self.run_ok("1 + 1").value, "2")

    def test_unknown_messages(self):
        session = self.client.client.session
        message = session.msg("dance_request", {})
        self.client.ours.add(message["header"]["msg_id"])
        self.client.client.shell_channel.send(message)
        reply = self.client.client.get_shell_msg(timeout=30)
        self.assertEqual((reply["msg_type"], reply["content"]["status"]), ("dance_reply", "error"))
        self.assertIn("dance_request", reply["content"]["evalue"])
        message = session.msg("whisper", {})
        self.client.ours.add(message["header"]["msg_id"])
        self.client.client.shell_channel.send(message)
        self.assertEqual(self.run_ok("1 + 1").value, "2")
        self.assertIn("whisper", self.kernel.said())

    def test_the_heart_beats_while_a_cell_runs(self):
        number = self.client.send('print("on"); loop {}')
        self.client.hear_until(number, shows("stream"))
        self.client.client.hb_channel.unpause()
        time.sleep(3)
        self.assertTrue(self.client.client.hb_channel.is_beating())
        self.kernel.manager.interrupt_kernel()
        self.client.finish(number)


class Ends(unittest.TestCase):
    def test_restart_while_a_cell_runs(self):
        kernel = Kernel()
        client = Client(kernel)
        client.run("let gone = 1;")
        number = client.send('print("on"); loop {}')
        client.hear_until(number, shows("stream"))
        client.close()
        began = time.monotonic()
        kernel.manager.restart_kernel()
        client = Client(kernel)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(client.run("gone").reply["ename"], "script::unknown_variable")
        self.assertEqual(client.run("1 + 1").value, "2")
        client.check_all_read()
        client.close()
        kernel.stop()

    def test_shutdown_ends_the_process(self):
        kernel = Kernel()
        client = Client(kernel)
        process = kernel.process
        began = time.monotonic()
        content = client.client.shutdown()
        client.client.control_channel.get_msg(timeout=10)
        self.assertEqual(process.wait(timeout=10), 0, content)
        self.assertLess(time.monotonic() - began, 5)
        client.close()
        kernel.stop()

    def test_over_files_instead_of_ports(self):
        kernel = Kernel(transport="ipc", ip=os.path.join(HOME, "socket"))
        client = Client(kernel)
        self.assertEqual(client.run("6 * 7").value, "42")
        client.check_all_read()
        client.close()
        kernel.stop()

    def test_killed_in_the_midst_of_a_search(self):
        kernel = Kernel()
        client = Client(kernel)
        search = (
            'let study = evolve(hyperspace("mobilew"), #{ minimize: |s| { sleep(0.002); s.largest.mflops },'
            ' strategy: aging_evolution(#{ population: 20, sample: 5 }), evaluations: %d, seed: 1, name: "cut off" });'
        )
        number = client.send(search % 100000)
        client.hear_until(number, shows("update_display_data"))
        time.sleep(1.0)
        os.kill(kernel.process.pid, signal.SIGKILL)
        client.close()
        kernel.manager.restart_kernel(now=True)
        client = Client(kernel)
        listed = client.run('lab::list("studies")')
        self.assertIn("cut off", listed.value)
        # It goes on where it stopped: what was scored is not scored again.
        resumed = client.run(search % 2000 + "study.history.height")
        self.assertEqual(resumed.value, "2000")
        client.check_all_read()
        client.close()
        kernel.stop()

    def test_it_ends_with_who_started_it(self):
        # A parent that starts a kernel as Jupyter does, and is killed.
        script = (
            "import harness, time\n"
            "kernel = harness.Kernel()\n"
            "client = harness.Client(kernel)\n"
            "print(kernel.process.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        here = os.path.dirname(os.path.abspath(__file__))
        parent = subprocess.Popen([sys.executable, "-c", script], cwd=here, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": here})
        kernel = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        for _ in range(100):
            if not alive(kernel):
                return
            time.sleep(0.1)
        os.kill(kernel, signal.SIGKILL)
        self.fail("the kernel outlived the program that started it")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
