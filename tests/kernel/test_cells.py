"""Cells by their content: values, streams, faults, displays, order, what is wanted with the answer."""

import json
import time
import unittest

from harness import KernelTest

FIGURE = 'let f = figure(#{}); f.line(table(#{ x: [1, 2], y: [1, 2] }), "x", "y"); f'


class Cells(KernelTest):
    def test_a_value_has_all_its_forms(self):
        cell = self.run_ok('table(#{ op: ["conv", "<b>"], ms: [1.5, 2.0] })')
        data = cell.of("execute_result")[0]["data"]
        self.assertIn("conv", data["text/plain"])
        self.assertIn("&lt;b&gt;", data["text/html"])
        self.assertNotIn("<b>", data["text/html"])
        self.assertRegex(data["text/markdown"], r"\| conv +\|")
        data = self.run_ok(FIGURE).of("execute_result")[0]["data"]
        self.assertTrue(data["image/png"].startswith("iVBOR"), data["image/png"][:20])
        self.assertIn("<svg", data["image/svg+xml"])

    def test_streams_come_in_order_and_apart(self):
        cell = self.run_ok('print("one"); debug("two"); print("three"); 4')
        self.assertEqual(cell.out, "one\nthree\n")
        self.assertIn("two", cell.err)
        self.assertEqual([message["msg_type"] for message in cell.messages][:2], ["status", "execute_input"])
        self.assertEqual(cell.messages[-2]["msg_type"], "execute_result")
        self.assertEqual(cell.value, "4")

    def test_output_comes_while_a_cell_runs(self):
        number = self.client.send('print("early"); sleep(1.5); print("late")')
        began = time.monotonic()
        self.client.hear_until(number, lambda message: message["msg_type"] == "stream" and "early" in message["content"]["text"])
        self.assertLess(time.monotonic() - began, 1.2)
        self.assertEqual(self.client.finish(number).out, "early\nlate\n")

    def test_faults_have_code_message_and_report(self):
        cell = self.client.run("let kept = 7;\nnope + 1")
        fault = cell.of("error")[0]
        self.assertEqual(fault["ename"], "script::unknown_variable")
        self.assertIn("nope", fault["evalue"])
        report = "\n".join(fault["traceback"])
        self.assertIn("\x1b[1;31m", report)
        self.assertIn(":2:1", report)
        self.assertEqual((cell.reply["ename"], cell.reply["evalue"]), (fault["ename"], fault["evalue"]))
        self.assertEqual(self.run_ok("kept").value, "7")

    def test_a_fault_is_one_message_and_the_value_of_a_text_is_quoted(self):
        self.assertEqual(len(self.client.run("throw 1").of("error")), 1)
        self.assertEqual(self.run_ok('"a\\"b"').value, '"a\\"b"')

    def test_numbers_go_on_with_every_stored_cell(self):
        first = self.run_ok("1").reply["execution_count"]
        self.assertEqual(self.run_ok("%who").reply["execution_count"], first + 1)
        self.assertEqual(self.run_ok(f"_{first} + 1").reply["execution_count"], first + 2)
        self.assertEqual(self.run_ok("3", store_history=False).reply["execution_count"], first + 3)
        self.assertEqual(self.run_ok("3").reply["execution_count"], first + 3)
        self.assertEqual(self.run_ok("_").value, "3")

    def test_silent_cells_work_and_say_nothing(self):
        cell = self.run_ok('let quiet = 5; print("x"); display(1); quiet', silent=True)
        self.assertEqual([message["msg_type"] for message in cell.messages], ["status", "status"])
        self.assertEqual(self.run_ok("quiet").value, "5")
        self.assertNotIn("let quiet", json.dumps(self.client.ask("history", hist_access_type="tail", n=50)["history"]))

    def test_expressions_come_with_the_answer(self):
        wanted = {"a": "x + 1", "b": "nope", "c": "table(#{ a: [x] })", "d": "()"}
        values = self.run_ok("let x = 41;", user_expressions=wanted).reply["user_expressions"]
        self.assertEqual(values["a"]["data"]["text/plain"], "42")
        self.assertEqual((values["b"]["status"], values["b"]["ename"]), ("error", "script::unknown_variable"))
        self.assertIn("<table", values["c"]["data"]["text/html"])
        self.assertEqual(values["d"]["status"], "ok")
        self.assertEqual(set(values), set(wanted))

    def test_a_fault_aborts_what_its_client_sent_after_it(self):
        slow = self.client.send("sleep(0.5); throw 1")
        rest = [self.client.send(f"let never = {number};") for number in range(3)]
        self.assertEqual(self.client.finish(slow).reply["status"], "error")
        for number in rest:
            cell = self.client.finish(number)
            self.assertEqual(cell.reply["status"], "aborted")
            self.assertEqual([message["msg_type"] for message in cell.messages], ["status", "status"])
        self.assertEqual(self.client.run("never").reply["ename"], "script::unknown_variable")

    def test_a_fault_aborts_nothing_if_so_asked(self):
        slow = self.client.send("sleep(0.5); throw 1", stop_on_error=False)
        after = self.client.send("let after = 1; after")
        self.assertEqual(self.client.finish(slow).reply["status"], "error")
        self.assertEqual(self.client.finish(after).value, "1")

    def test_output_can_be_taken_back(self):
        cell = self.run_ok('print("a"); clear_output(#{ wait: true }); print("b")')
        kinds = [message["msg_type"] for message in cell.messages]
        self.assertEqual(kinds[2:5], ["stream", "clear_output", "stream"])
        self.assertEqual(cell.of("clear_output"), [{"wait": True}])

    def test_fifty_megabytes_arrive_whole(self):
        cell = self.run_ok(
            'let line = "0123456789é"; let big = line; for n in 0..12 { big += big; } for n in 0..1020 { print(big); }',
            timeout=180,
        )
        line = "0123456789é" * 4096 + "\n"
        self.assertEqual(len(cell.out.encode()), len(line.encode()) * 1020)
        self.assertEqual(cell.out, line * 1020)
        self.assertGreater(len(cell.out.encode()), 50_000_000)

    def test_one_text_of_many_megabytes_is_cut_between_characters(self):
        cell = self.run_ok('let big = "é0𝄞"; for n in 0..20 { big += big; } print(big)', timeout=180)
        self.assertEqual(cell.out, "é0𝄞" * (1 << 20) + "\n")

    def test_what_threads_print_is_heard(self):
        cell = self.run_ok("[1, 2, 3, 4].par_map(|x| { print(x * 10); x }).sum()")
        self.assertEqual(cell.value, "10")
        numbers = sorted(int(line.split()[-1]) for line in cell.out.splitlines())
        self.assertEqual(numbers, [10, 20, 30, 40])

    def test_commands_of_the_prompt_and_the_shell(self):
        self.assertEqual(self.run_ok("!printf 'to out\\n'; printf 'to err\\n' >&2").out, "to out\n")
        failed = self.client.run("!exit 3")
        self.assertEqual((failed.reply["status"], failed.reply["ename"]), ("error", "session::shell"))
        self.run_ok("let shown_here = 1;")
        self.assertIn("shown_here", self.run_ok("%who").out)
        page = self.run_ok("?measure").reply["payload"]
        self.assertEqual([one["source"] for one in page], ["page"])
        self.assertIn("latency", page[0]["data"]["text/plain"])
        self.assertEqual(self.run_ok("exit").reply["payload"], [{"source": "ask_exit", "keepkernel": False}])


class Bars(KernelTest):
    """Long work is one display that moves."""

    SEARCH = "evolve(hyperspace(\"mobilew\"), #{ minimize: |s| { sleep(0.004); s.largest.mflops }, evaluations: 400, strategy: random_search() })"

    def check(self, cell):
        # A study's course is drawn in a display of its own.
        course = {one["transient"]["display_id"] for one in cell.of("display_data") if "image/svg+xml" in one["data"]}
        shown = [one for one in cell.of("display_data") if one["transient"].get("display_id") not in course | {None}]
        self.assertEqual(len(shown), 1, shown)
        name = shown[0]["transient"]["display_id"]
        moves = [one for one in cell.of("update_display_data") if one["transient"]["display_id"] not in course]
        self.assertGreater(len(moves), 1)
        self.assertEqual({one["transient"]["display_id"] for one in moves}, {name})
        for one in [*shown, *moves]:
            self.assertIn("<progress", one["data"]["text/html"])
        return moves[-1]["data"]["text/plain"]

    def test_a_bar_is_one_display(self):
        last = self.check(self.run_ok(self.SEARCH))
        self.assertIn("done in", last)
        self.assertIn("400/400", last)

    def test_an_interrupted_bar_ends(self):
        number = self.client.send(self.SEARCH.replace("evaluations: 400", "evaluations: 1000000"))
        self.client.hear_until(number, lambda message: message["msg_type"] == "update_display_data")
        self.kernel.manager.interrupt_kernel()
        cell = self.client.finish(number)
        self.assertIn("stopped after", self.check(cell))


if __name__ == "__main__":
    unittest.main()
