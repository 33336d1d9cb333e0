"""A JupyterLab of its own on localhost, and a Chromium that looks at it.

Everything either writes lies in a folder that is thrown away: settings, workspaces, browser profile.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMEDRIVER = os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver")
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1800",
    "--force-device-scale-factor=1",
]
# What JupyterLab would fetch from elsewhere, or ask a person about.
DISABLED = ["@jupyterlab/apputils-extension:announcements", "@jupyterlab/extensionmanager-extension"]
SETTINGS = {
    # Every cell is drawn, also those outside of the window.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@contextlib.contextmanager
def jupyter_lab(folder, notebooks, environment):
    """Runs JupyterLab over the folder `notebooks`; gives its address. `folder` is for what it keeps."""
    config, runtime, settings = folder / "config", folder / "runtime", folder / "settings"
    write_json(config / "labconfig" / "page_config.json", {"disabledExtensions": dict.fromkeys(DISABLED, True)})
    for plugin, values in SETTINGS.items():
        write_json(settings / f"{plugin}.jupyterlab-settings", values)
    environment = environment | {
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={notebooks}"]
    command += ["--LabApp.extension_manager=readonly", "--LabApp.news_url=", "--ServerApp.log_level=WARN"]
    with open(folder / "jupyterlab.log", "wb") as log:
        server = subprocess.Popen(command, cwd=notebooks, env=environment, stdout=log, stderr=log)
        try:
            yield wait_for(lambda: address(server, runtime), 60, "JupyterLab to say where it listens")
        finally:
            server.terminate()
            server.wait(30)


def address(server, runtime):
    if server.poll() is not None:
        raise SystemExit(f"JupyterLab ended with exit code {server.returncode}; see its log")
    for file in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(ValueError):  # still being written
            return json.loads(file.read_text())["url"]
    return None


@contextlib.contextmanager
def chromium(folder):
    """A browser with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*CHROMIUM_FLAGS, f"--user-data-dir={folder / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    try:
        yield browser
    finally:
        browser.quit()


def wait_for(question, seconds, what):
    """The first answer to `question` that is not empty."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = question()
        except (StaleElementReferenceException, WebDriverException) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds} s for {what}") from error
            answer = None
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.1)


class Notebook:
    """A notebook open in JupyterLab: what a person does with it and sees of it."""

    def __init__(self, browser, url, name, pictures):
        self.browser = browser
        self.pictures = pathlib.Path(pictures)
        browser.get(f"{url}lab/tree/{name}")
        script = """
            const panel = window.jupyterapp?.shell?.currentWidget;
            const shown = document.querySelectorAll('.jp-Notebook .jp-Cell').length;
            return shown > 0 && panel?.content?.widgets?.length === shown;
        """
        wait_for(lambda: browser.execute_script(script), 90, f"all of {name} to be shown")
        # What is run before the notebook has its kernel is lost.
        connected = """
            const context = window.jupyterapp.shell.currentWidget.sessionContext;
            const kernel = context.isReady && context.session?.kernel;
            return kernel && kernel.name === 'spaceevo' && kernel.connectionStatus === 'connected';
        """
        wait_for(lambda: browser.execute_script(connected), 60, "the notebook to be connected to its kernel")
        self.idle(60)

    def find(self, selector):
        """What is on the page and can be seen."""
        return [found for found in self.browser.find_elements("css selector", selector) if found.is_displayed()]

    def command(self, name):
        """What a menu entry does. Whatever it waits for, such as a dialog, is not waited for."""
        self.browser.execute_script("void window.jupyterapp.commands.execute(arguments[0])", name)

    def status(self):
        shown = self.browser.find_elements("css selector", ".jp-Notebook-ExecutionIndicator")
        return shown[0].get_attribute("data-status") if shown else None

    def idle(self, seconds):
        """Waits until the kernel has nothing to do, and no cell is marked as running."""
        running = "return [...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('*'))"
        wait_for(
            lambda: self.status() == "idle" and not self.browser.execute_script(running), seconds, "the kernel to be idle"
        )

    def keys(self, *keys):
        chain = ActionChains(self.browser)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def chord(self, held, key):
        ActionChains(self.browser).key_down(held).send_keys(key).key_up(held).perform()

    def cells(self):
        return self.browser.find_elements("css selector", ".jp-Notebook .jp-Cell")

    def write(self, source):
        """A new cell at the end with this source, open for writing."""
        script = """
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const done = arguments[arguments.length - 1];
            notebook.mode = 'command';
            notebook.activeCellIndex = notebook.widgets.length - 1;
            window.jupyterapp.commands.execute('notebook:insert-cell-below')
                .then(() => { notebook.activeCellIndex = notebook.widgets.length - 1; })
                .then(() => window.jupyterapp.commands.execute('notebook:enter-edit-mode'))
                .then(() => done(true), done);
        """
        self.browser.execute_async_script(script)
        last = ".jp-Notebook .jp-Cell.jp-mod-active .cm-editor.cm-focused"
        wait_for(lambda: self.find(last) and self.cells()[-1].find_elements("css selector", ".cm-focused"), 10, "the new cell")
        self.keys(source)
        return self.cells()[-1]

    def run(self, source, seconds=30):
        """A new cell at the end, run; gives what it shows."""
        cell = self.write(source)
        self.chord(Keys.CONTROL, Keys.ENTER)
        time.sleep(0.3)
        self.idle(seconds)
        return cell.find_element("css selector", ".jp-Cell-outputWrapper").text

    def photograph(self, name):
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.browser.save_screenshot(str(self.pictures / f"{name}.png"))

    def photograph_whole(self, name):
        """The notebook from its first to its last cell, in a window as high as it."""
        size = self.browser.get_window_size()
        height = "return document.querySelector('.jp-NotebookPanel .jp-WindowedPanel-outer').scrollHeight"
        self.browser.set_window_size(size["width"], min(12000, self.browser.execute_script(height) + 300))
        time.sleep(1)
        self.photograph(name)
        self.browser.set_window_size(size["width"], size["height"])
