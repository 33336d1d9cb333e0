"""Cells in Rust, where the program was built with them: what they define, their faults, an interrupt, and what stays."""

import unittest

from harness import KernelTest

# The first cell starts Rust, and each is compiled.
LONG_S = 300


class Rust(KernelTest):
    def rust(self, code):
        return self.client.run(f"%%rust\n{code}", timeout=LONG_S)

    def test_a_notebook_with_cells_in_rust(self):
        cell = self.rust("fn scaled(x: &[f64], by: f64) -> Vec<f64> {\n    x.iter().map(|v| v * by).collect()\n}")
        self.assertEqual(cell.reply["status"], "ok", cell.reply)
        first = cell.reply["execution_count"]
        cell = self.run_ok("scaled.call([1, 2], 10)")
        self.assertEqual((cell.value, cell.reply["execution_count"]), ("[10.0, 20.0]", first + 1))

        cell = self.rust('let kept = 7;\nprintln!("kept {kept}");\nscaled(&[1.5], 2.0)')
        self.assertEqual((cell.out, cell.value), ("kept 7\n", "[3.0]"))

        fault = self.rust("let n: i64 = 1;\nlet wrong: bool = n;")
        self.assertEqual(fault.reply["ename"], "native::compile")
        report = "\n".join(fault.of("error")[0]["traceback"])
        self.assertIn("2 | let wrong: bool = n;\n  |                   ^ expected `bool`, found `i64`", report)

        number = self.client.send('%%rust\nprintln!("begun");\nloop {}')
        begun = lambda message: message["msg_type"] == "stream" and "begun" in message["content"]["text"]
        self.client.hear_until(number, begun, timeout=LONG_S)
        self.kernel.manager.interrupt_kernel()
        cell = self.client.finish(number, timeout=LONG_S)
        self.assertEqual((cell.out, cell.reply["ename"]), ("begun\n", "session::interrupted"))

        # Items are kept, and so are the functions of the language of scripts.
        cell = self.rust("scaled(&[2.0], 2.0)")
        self.assertEqual(cell.value, "[4.0]")
        self.assertEqual(self.run_ok("scaled.call([3], 3)").value, "[9.0]")
        self.assertIn("%%rust\n", self.run_ok("%history println").out)


if __name__ == "__main__":
    unittest.main()
