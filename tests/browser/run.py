"""Opens the tour in JupyterLab as a person would, runs it, and looks at what is shown.

    target/jupyter/bin/python tests/browser/run.py --spaceevo target/debug/spaceevo --pictures target/browser

`./x test --browser` does that, and installs what it needs. Pictures of each step are left in the folder given.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from lab import Keys, Notebook, chromium, jupyter_lab, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTEBOOK = "tour.ipynb"


def check(condition, what, seen):
    if not condition:
        raise AssertionError(f"{what}; seen: {seen!r}")
    print(f"  {what}", flush=True)


def runs_from_top_to_bottom(notebook):
    notebook.command("notebook:run-all-cells")
    time.sleep(1)
    notebook.idle(300)
    notebook.photograph_whole("tour")
    prompts = [prompt.text for prompt in notebook.find(".jp-CodeCell .jp-InputPrompt")]
    check(all(prompt.strip("[]:").strip().isdigit() for prompt in prompts), "every cell has run", prompts)
    failed = [output.text for output in notebook.find("[data-mime-type='application/vnd.jupyter.error']")]
    check(not failed, "no cell failed", failed)


def shows_tables_and_figures(notebook):
    tables = [table.text for table in notebook.find(".jp-OutputArea-output table")]
    check(any("int8_ms" in table and "ghost" in table for table in tables), "a table of latencies is a table", tables)
    drawn = """
        const inside = box => box.width > 300 && box.height > 150;
        const images = [...document.querySelectorAll('.jp-OutputArea-output img')].filter(image => image.naturalWidth > 0);
        const drawings = [...document.querySelectorAll('.jp-OutputArea-output svg')];
        return [...images, ...drawings].filter(shown => inside(shown.getBoundingClientRect())).length;
    """
    figures = notebook.browser.execute_script(drawn)
    check(figures >= 4, "figures are pictures", figures)


def colours_the_code(notebook):
    colours = """
        const found = {};
        for (const word of document.querySelectorAll('.jp-CodeCell .cm-line span')) {
            if (word.children.length === 0) found[word.textContent] = getComputedStyle(word).color;
        }
        found.plain = getComputedStyle(document.querySelector('.jp-CodeCell .cm-line')).color;
        return found;
    """
    wanted = ["let", '"ghost"', "kernel", "plain"]
    # The extension is loaded when it is first needed.
    wait_for(lambda: notebook.browser.execute_script(colours).get("let"), 15, "the code to be coloured")
    found = notebook.browser.execute_script(colours)
    words = {word: found.get(word) for word in wanted}
    check(None not in words.values() and len(set(words.values())) == len(words), "the code is coloured", words)


def completes(notebook):
    notebook.write("hypersp")
    notebook.keys(Keys.TAB)
    # One candidate or several with a common beginning are put in at once; the list opens where there is a choice.
    names = wait_for(lambda: listed(notebook) or written(notebook, "hyperspace"), 15, "Tab to complete a name")
    check(names is True or any("hyperspace" in name for name in names), "Tab completes a name", names)
    notebook.keys(Keys.ESCAPE)
    notebook.write("hs.")
    notebook.keys(Keys.TAB)
    # JupyterLab draws the first items of a list at once and the rest when it is idle.
    wanted = lambda: any("with_operator" in name for name in listed(notebook))
    wait_for(wanted, 15, "Tab to list what a hyperspace can do")
    notebook.photograph("completion")
    check(wanted(), "Tab lists the members of a value", listed(notebook))
    notebook.keys(Keys.ESCAPE)


def listed(notebook):
    return [item.text for item in notebook.find(".jp-Completer .jp-Completer-item")]


def written(notebook, text):
    return any(text in line.text for line in notebook.find(".jp-Cell.jp-mod-active .cm-line"))


def explains(notebook):
    notebook.write("qt_score(")
    notebook.chord(Keys.SHIFT, Keys.TAB)
    text = wait_for(lambda: "".join(tip.text for tip in notebook.find(".jp-Tooltip")), 15, "Shift-Tab to explain a name")
    notebook.photograph("tooltip")
    check("Q-T score of a search space" in text, "Shift-Tab explains a name", text[:200])
    notebook.keys(Keys.ESCAPE)
    # An empty cell: what stands there is not meant to run.
    notebook.chord(Keys.CONTROL, "a")
    notebook.keys(Keys.BACKSPACE)


def stops(notebook):
    notebook.run("let kept = 41;")
    cell = notebook.write("loop {}")
    notebook.chord(Keys.CONTROL, Keys.ENTER)
    wait_for(lambda: notebook.status() == "busy", 15, "the kernel to be busy")
    time.sleep(1)
    notebook.command("notebook:interrupt-kernel")
    notebook.idle(15)
    text = cell.text
    notebook.photograph("interrupt")
    check("interrupt" in text.lower(), "the stop button ends what runs", text)
    text = notebook.run("kept + 1")
    check("42" in text, "what was there before is kept", text)


def starts_anew(notebook):
    notebook.command("kernelmenu:restart")
    buttons = wait_for(lambda: notebook.find(".jp-Dialog .jp-mod-accept"), 15, "the question whether to restart")
    buttons[0].click()
    wait_for(lambda: not notebook.find(".jp-Dialog"), 15, "the question to go")
    wait_for(lambda: notebook.status() == "idle", 60, "the new kernel")
    text = notebook.run("kept")
    check("kept" in text and "41" not in text, "a new kernel knows nothing of the old one", text)
    text = notebook.run("6 * 7")
    notebook.photograph("restart")
    check("42" in text, "a new kernel answers", text)


STEPS = [runs_from_top_to_bottom, shows_tables_and_figures, colours_the_code, completes, explains, stops, starts_anew]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spaceevo", required=True, type=pathlib.Path, help="the program, built")
    parser.add_argument("--pictures", required=True, type=pathlib.Path, help="folder for pictures of each step")
    given = parser.parse_args()
    shutil.rmtree(given.pictures, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="spaceevo-browser-") as folder:
        folder = pathlib.Path(folder)
        subprocess.run([given.spaceevo.resolve(), "kernel", "install", "--prefix", folder / "prefix"], check=True)
        notebooks = folder / "notebooks"
        notebooks.mkdir()
        shutil.copy(ROOT / "examples" / "notebooks" / NOTEBOOK, notebooks)
        environment = os.environ | {"JUPYTER_PATH": str(folder / "prefix" / "share" / "jupyter")}
        with jupyter_lab(folder, notebooks, environment) as url, chromium(folder) as browser:
            notebook = Notebook(browser, url, NOTEBOOK, given.pictures)
            try:
                for step in STEPS:
                    print(step.__name__.replace("_", " "), flush=True)
                    step(notebook)
            except Exception:
                notebook.photograph("failed")
                print((folder / "jupyterlab.log").read_text()[-3000:])
                print(*browser.get_log("browser")[-10:], sep="\n")
                raise
    print(f"all is well; pictures are in {given.pictures}")


if __name__ == "__main__":
    main()
