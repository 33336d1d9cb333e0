"""The prompt and the kernel give the same answers to the same inputs."""

import re
import subprocess
import unittest

import tempfile

from harness import PROGRAM, KernelTest

INPUTS = [
    "1 + 1",
    '"a text"',
    "let x = 20;",
    "2 * x + 2",
    "_ + 1",
    'print("a line"); x',
    "nope",
    "[1, 2.5, \"three\", #{ a: 1 }]",
    "table(#{ op: [\"conv\", \"fused\"], ms: [1.5, 2.0] })",
    "|a| a",
    "fn twice(x) { 2 * x }",
    "twice(21)",
    "?hyperspace",
    "??aging_evolution",
    "%pwd",
    "%nonsense",
    "hyperspace(\"pocket\").space(\"012-210\")",
    "hyperspace(\"poket\")",
    "let y = ;",
    "throw \"mine\"",
    "_99",
    "()",
]
MARK = "=== {} ==="


class Same(KernelTest):
    def test_the_same_inputs_have_the_same_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_ok(f"%cd {folder}")
            self.run_ok("%reset")
            # The inputs are numbered alike, as messages name them by their number.
            lines = "".join(f"{one}\n print(\"{MARK.format(at)}\")\n" for at, one in enumerate(INPUTS))
            said = subprocess.run(
                [PROGRAM, "repl"], cwd=folder, input=lines, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
            ).stdout
            rest = said
            for at, one in enumerate(INPUTS):
                prompt, _, rest = rest.partition(MARK.format(at) + "\n")
                cell = self.client.run(one)
                shown = [content["data"]["text/plain"] for content in cell.of("execute_result")]
                shown += [page["data"]["text/plain"] for page in cell.reply.get("payload", [])]
                shown += ["\n".join(content["traceback"]) for content in cell.of("error")]
                notebook = cell.out + "".join(f"{text}\n" for text in shown)
                with self.subTest(input=one):
                    self.assertEqual(plain(notebook), plain(prompt))


def plain(text):
    """Without colours, numbers of inputs, and space at the ends of lines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"\[\d+\]:", "[n]:", text)
    text = re.sub(r"`_\d+`", "`_n`", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    unittest.main()
