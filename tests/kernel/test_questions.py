"""What a client asks while someone types, and what a cell asks the person: all by content, all also while a cell runs."""

import unittest

from harness import Client, Kernel, KernelTest


class Typing(KernelTest):
    def complete(self, code, cursor=None):
        content = self.client.ask("complete", code, cursor)
        self.assertEqual(content["status"], "ok")
        typed = content["metadata"]["_jupyter_types_experimental"]
        self.assertEqual([one["text"] for one in typed], content["matches"])
        for one in typed:
            self.assertEqual((one["start"], one["end"]), (content["cursor_start"], content["cursor_end"]))
            self.assertTrue(one["type"])
        return content

    def test_names_members_options_and_commands_complete(self):
        self.run_ok('let hs_here = hyperspace("pocket");')
        for code, wanted, start in [
            ("hypersp", "hyperspace", 0),
            ("1 + hs_h", "hs_here", 4),
            ("hs_here.with_op", "with_operator", 8),
            ("stats::spear", "stats::spearman", 0),
            ("evolve(hs_here, #{ eval", "evaluations: ", 19),
            ('hyperspace("poc', "pocket", 12),
            ("%his", "%history", 0),
            ("?hypersp", "hyperspace", 1),
        ]:
            content = self.complete(code)
            self.assertIn(wanted, content["matches"], code)
            self.assertEqual((content["cursor_start"], content["cursor_end"]), (start, len(code)), code)

    def test_places_are_characters_not_bytes(self):
        content = self.complete('"é𝄞" + hypersp + 1', 14)
        self.assertIn("hyperspace", content["matches"])
        self.assertEqual((content["cursor_start"], content["cursor_end"]), (7, 14))

    def test_candidates_say_what_they_are(self):
        kinds = {one["text"]: one for one in self.complete("hypersp")["metadata"]["_jupyter_types_experimental"]}
        self.assertEqual(kinds["hyperspace"]["type"], "function")
        self.assertTrue(kinds["hyperspace"]["signature"])

    def test_help_is_text_and_markdown(self):
        for code, cursor in [("measure", 3), ("let x = measure(", None), ("measure(1, 2)", 11)]:
            content = self.client.ask("inspect", code, cursor)
            self.assertTrue(content["found"], code)
            self.assertIn("FP32 and INT8 latency", content["data"]["text/plain"])
            self.assertIn("```rhai", content["data"]["text/markdown"])
        self.run_ok("let inspected = 12;")
        self.assertIn("12", self.client.ask("inspect", "inspected + 1", 4)["data"]["text/plain"])
        nothing = self.client.ask("inspect", "no_such_name_at_all")
        self.assertEqual((nothing["status"], nothing["found"], nothing["data"]), ("ok", False, {}))

    def test_open_inputs_are_indented(self):
        ask = lambda code: self.client.ask("is_complete", code)
        self.assertEqual(ask("1 + 1"), {"status": "complete"})
        self.assertEqual(ask("fn f(x) {\n"), {"status": "incomplete", "indent": "    "})
        self.assertEqual(ask("fn f(x) { [1,")["status"], "incomplete")
        self.assertEqual(ask("let = 3"), {"status": "invalid"})
        self.assertEqual(ask("%who")["status"], "complete")

    def test_all_is_answered_while_a_cell_runs(self):
        self.run_ok("let while_busy = 41;")
        number = self.client.send('print("on"); loop {}')
        self.client.hear_until(number, lambda message: message["msg_type"] == "stream")
        self.assertIn("while_busy", self.complete("while_b")["matches"])
        self.assertTrue(self.client.ask("inspect", "measure")["found"])
        self.assertEqual(self.client.ask("is_complete", "1")["status"], "complete")
        self.assertTrue(self.client.ask("history", hist_access_type="tail", n=3)["history"])
        self.assertEqual(self.client.ask("kernel_info")["protocol_version"], "5.4")
        self.kernel.manager.interrupt_kernel()
        self.assertEqual(self.client.finish(number).reply["ename"], "session::interrupted")

    def test_the_kernel_says_who_it_is(self):
        content = self.client.ask("kernel_info")
        self.assertEqual(content["implementation"], "spaceevo")
        self.assertEqual(content["supported_features"], [])
        language = content["language_info"]
        self.assertEqual((language["name"], language["file_extension"]), ("rhai", ".rhai"))
        import pygments.lexers

        pygments.lexers.get_lexer_by_name(language["pygments_lexer"])

    def test_there_are_no_comms(self):
        self.assertEqual(self.client.ask("comm_info"), {"status": "ok", "comms": {}})
        message = self.client.client.session.msg("comm_open", {"comm_id": "one", "target_name": "widget", "data": {}})
        self.client.ours.add(message["header"]["msg_id"])
        self.client.client.shell_channel.send(message)
        number = message["header"]["msg_id"]
        closed = self.client.hear_until(number, lambda message: message["msg_type"] == "comm_close")
        self.assertEqual(closed["content"]["comm_id"], "one")
        self.client.hear_until(number, lambda message: message["content"].get("execution_state") == "idle")
        self.client.heard.pop(number)
        self.run_ok("1")


class Past(unittest.TestCase):
    """History, of this session and of those before."""

    def test_history(self):
        first = Kernel()
        client = Client(first)
        for code in ["let past_a = 1;", "past_a + 1", "let past_a = 1;"]:
            client.run(code)
        tail = client.ask("history", hist_access_type="tail", n=2, output=True)["history"]
        self.assertEqual([one[2] for one in tail], [["past_a + 1", "2"], ["let past_a = 1;", None]])
        session = tail[0][0]
        client.check_all_read()
        client.close()
        first.stop()

        second = Kernel()
        client = Client(second)
        client.run("past_b")
        ask = lambda **given: client.ask("history", **given)["history"]
        self.assertEqual([one[2] for one in ask(hist_access_type="range", session=0, start=1, stop=9)], ["past_b"])
        earlier = ask(hist_access_type="range", session=session, start=2, stop=4)
        self.assertEqual(earlier, [[session, 2, "past_a + 1"], [session, 3, "let past_a = 1;"]])
        self.assertEqual([one[2] for one in ask(hist_access_type="tail", n=2)], ["let past_a = 1;", "past_b"])
        # This client leaves out `unique` and `n` unless they are given.
        inputs = [one[2] for one in ask(hist_access_type="search", pattern="*past_a*")]
        self.assertEqual(inputs, ["let past_a = 1;", "past_a + 1", "let past_a = 1;"])
        inputs = [one[2] for one in ask(hist_access_type="search", pattern="*past_a*", unique=True)]
        self.assertEqual(inputs, ["past_a + 1", "let past_a = 1;"])
        inputs = [one[2] for one in ask(hist_access_type="search", pattern="past_?*", n=1)]
        self.assertEqual(inputs, ["past_b"])
        client.check_all_read()
        client.close()
        second.stop()


class Asking(KernelTest):
    def question(self, code):
        number = self.client.send(code, allow_stdin=True)
        asked = self.client.client.get_stdin_msg(timeout=30)
        self.assertEqual(asked["msg_type"], "input_request")
        self.assertEqual(asked["parent_header"]["msg_id"], number)
        return number, asked["content"]

    def test_a_cell_asks(self):
        number, asked = self.question('print("before"); let name = input("Name? "); `${name}!`')
        self.assertEqual(asked, {"prompt": "Name? ", "password": False})
        self.client.client.input("José")
        cell = self.client.finish(number)
        self.assertEqual((cell.out, cell.value), ("before\n", '"José!"'))

    def test_a_password_is_asked_for_as_one(self):
        number, asked = self.question('input("Token: ", #{ hidden: true }).len()')
        self.assertEqual(asked, {"prompt": "Token: ", "password": True})
        self.client.client.input("12345")
        self.assertEqual(self.client.finish(number).value, "5")

    def test_two_questions_one_after_the_other(self):
        number, _ = self.question('input("a") + input("b")')
        self.client.client.input("1")
        self.assertEqual(self.client.client.get_stdin_msg(timeout=30)["content"]["prompt"], "b")
        self.client.client.input("2")
        self.assertEqual(self.client.finish(number).value, '"12"')

    def test_where_no_one_can_answer_it_fails_at_once(self):
        cell = self.client.run('input("Name? ")', allow_stdin=False)
        self.assertEqual(cell.reply["ename"], "input::nobody")
        caught = self.run_ok('let code = ""; try { input("") } catch (e) { code = e.code } code', allow_stdin=False)
        self.assertEqual(caught.value, '"input::nobody"')

    def test_a_question_can_be_interrupted(self):
        number, _ = self.question('input("for ever")')
        self.kernel.manager.interrupt_kernel()
        self.assertEqual(self.client.finish(number).reply["ename"], "session::interrupted")
        # An answer that comes too late is no answer to the next question.
        self.client.client.input("late")
        number, _ = self.question('input("again")')
        self.client.client.input("in time")
        self.assertEqual(self.client.finish(number).value, '"in time"')


if __name__ == "__main__":
    unittest.main()
