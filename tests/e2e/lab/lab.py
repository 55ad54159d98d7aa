"""A running JupyterLab, a browser that looks at it, and the environment of a hub's notebook servers."""

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from sky import BIN, free_base_port

PROJECT = Path(__file__).resolve().parents[3]
EXAMPLES = PROJECT / "examples" / "notebook"
# Environments with JupyterLab, and with what the example notebook imports.
BINARIES = Path(os.environ["SKYKEY_JUPYTERHUB"])
NOTEBOOK = Path(os.environ["SKYKEY_NOTEBOOK"])

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,860",
]


def hub_environment(sky, token):
    """The environment that a hub with the lines of `skykey jupyter config` gives to a server with that token."""
    command = [BIN, "jupyter", "config", "--portal", sky.up["portal"], "--s3", sky.s3, "--survey", "demo"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sections = ("Spawner", "KubeSpawner", "DockerSpawner")
    config = SimpleNamespace(**{name: SimpleNamespace(environment={}) for name in sections})
    exec(lines, {"c": config})
    spawner = SimpleNamespace(api_token=token)
    given = config.Spawner.environment
    return {name: value(spawner) if callable(value) else value for name, value in given.items()}


def plain_environment(home, **more):
    """This machine's without credentials of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JUPYTER", "PYTHON"))}
    return {**kept, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **more}


class Lab:
    """One `jupyter lab` process."""

    def __init__(self, home, environment):
        self.home, self.environment = home, environment
        self.token = secrets.token_hex(16)
        self.port = free_base_port()
        # As below a hub.
        self.url = f"http://127.0.0.1:{self.port}/user/bob/"
        self.log = home / "lab.log"

    def __enter__(self):
        command = [
            BINARIES / "jupyter-lab",
            "--allow-root",
            "--no-browser",
            "--expose-app-in-browser",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.base_url=/user/bob/",
            f"--ServerApp.root_dir={self.home}",
            "--LabApp.news_url=None",
        ]
        # A token in the environment, where no list of processes shows it.
        env = plain_environment(self.home, **self.environment, JUPYTER_TOKEN=self.token)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, env=env, cwd=self.home, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while True:
            try:
                if requests.get(self.url + "api").ok:
                    return self
            except requests.ConnectionError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def status(self, method="GET", token=None):
        headers = {"Authorization": f"token {token or self.token}"}
        return requests.request(method, self.url + "skykey/status", headers=headers)


class Browser:
    """Chromium, on JupyterLab's page. `shots` takes its screenshots."""

    def __init__(self, lab, shots):
        self.lab, self.shots = lab, shots

    def __enter__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in CHROMIUM:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        self.driver.set_script_timeout(60)
        self.driver.get(f"{self.lab.url}lab?token={self.lab.token}&reset")
        self.until(lambda: self.all(".skykey-item") and not self.all("#jupyterlab-splash"))
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        (found,) = self.all(selector)
        return found

    def until(self, there, seconds=60):
        try:
            return WebDriverWait(self.driver, seconds, 0.1).until(lambda _: there())
        except Exception:
            self.shot("missed")
            raise

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def command(self, name, **arguments):
        """A command of JupyterLab's."""
        self.driver.execute_async_script(
            "const [name, given, done] = arguments; jupyterapp.commands.execute(name, given).then(() => done())",
            name,
            arguments,
        )

    def shot(self, name):
        self.driver.save_screenshot(str(self.shots / f"{name}.png"))

    def complaints(self):
        """Return the console messages of skykey's extension, and every error."""
        entries = self.driver.get_log("browser")
        return [e["message"] for e in entries if e["level"] == "SEVERE" or "skykey" in e["message"].lower()]
