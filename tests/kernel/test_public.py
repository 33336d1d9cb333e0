"""The public conformance suite, with every optional test that this version of the protocol has."""

import unittest

import harness  # sets the environment, and installs the kernel

import jupyter_kernel_test as suite


class PublicSuite(suite.KernelTests):
    kernel_name = "spaceevo"
    language_name = "rhai"
    file_extension = ".rhai"
    code_hello_world = 'print("hello, world")'
    code_stderr = 'debug("a word aside")'
    completion_samples = [
        {"text": "stats::spear", "matches": {"stats::spearman"}},
        {"text": "hypersp", "matches": {"hyperspace", "hyperspaces"}},
        {"text": '"é𝄞"; hypersp', "matches": {"hyperspace", "hyperspaces"}},
    ]
    complete_code_samples = ["1", "print(`hello`)", "fn f(x) { x * 2 }", "let x = 1;\nx"]
    incomplete_code_samples = ["fn f(x) {", "`open", "[1, 2,", "1 +", "/* open"]
    invalid_code_samples = ["let = 1", ")", "fn 1() {}"]
    code_page_something = "?qt_score"
    code_generate_error = "throw `a fault`"
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "[1, 2, 3].map(|x| x * x)", "result": "[1, 4, 9]"},
        {"code": "table(#{ a: [1] })", "mime": "text/html"},
    ]
    code_display_data = [
        {"code": "display(table(#{ a: [1] }))", "mime": "text/html"},
        {"code": 'let f = figure(#{}); f.line(table(#{ x: [1, 2], y: [1, 2] }), "x", "y"); display(f)', "mime": "image/png"},
        {"code": 'let f = figure(#{}); f.line(table(#{ x: [1, 2], y: [1, 2] }), "x", "y"); display(f)', "mime": "image/svg+xml"},
    ]
    code_history_pattern = "1 + 2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "qt_score"
    code_clear_output = "clear_output()"


class PublicWelcome(suite.IopubWelcomeTests):
    kernel_name = "spaceevo"
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
