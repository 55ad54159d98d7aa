"""The item in JupyterLab's status bar: what it shows, what it does, and what it never holds."""

import json
import re
import subprocess

import requests
from selenium.webdriver.common.keys import Keys as Key

from lab import BINARIES, plain_environment

READERS = "demo/readers"


def item(browser):
    return browser.one(".skykey-item").text


def level(browser):
    return browser.one(".skykey-item").get_attribute("data-level")


def minutes(browser):
    left = re.fullmatch(r"demo: (\d+) min left", item(browser))
    return left and int(left[1])


def words(browser):
    return browser.one("#skykey-panel p").text


def open_panel(browser):
    if not browser.all("#skykey-panel:popover-open"):
        browser.one(".skykey-item").click()
    browser.until(lambda: browser.one(".skykey-renew").is_displayed())


def shift_clock(browser, seconds):
    """The browser's clock, from the true time."""
    browser.run(
        "window.trueNow ??= Date.now.bind(Date); const by = arguments[0] * 1000; Date.now = () => trueNow() + by;",
        seconds,
    )


def credentials(environment):
    answer = requests.get(
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_jupyter_lists_it_with_the_packages_version(extension, tmp_path):
    env = plain_environment(tmp_path, **extension)
    listed = subprocess.run([BINARIES / "jupyter", "labextension", "list"], env=env, capture_output=True, text=True)
    plain = re.sub(r"\x1b\[\d+m", "", listed.stdout + listed.stderr)
    version = re.search(r"skykey-jupyterlab v(\S+) enabled OK", plain)
    assert version, plain
    said = "import importlib.metadata as m; print(m.version('skykey-jupyterlab'))"
    package = subprocess.run([BINARIES / "python", "-c", said], env=env, capture_output=True, text=True)
    assert package.stdout.strip() == version[1], package.stderr
    (place,) = re.findall(r"^(/\S+)$", plain.split("skykey-jupyterlab")[0], re.M)
    built = json.loads(open(f"{place}/skykey-jupyterlab/package.json").read())["jupyterlab"]["_build"]
    assert built["load"].endswith(f"?{version[1]}"), "browsers would keep the old files"


def test_only_who_may_use_the_server_is_told(lab):
    assert requests.get(lab.url + "skykey/status").status_code == 403
    assert requests.post(lab.url + "skykey/status").status_code == 403
    assert lab.status(token="0" * 32).status_code == 403


def test_no_secret_reaches_the_browser(lab, browser):
    secret = credentials(lab.environment)
    bearer = lab.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    told = lab.status("POST")
    assert set(told.json()) == {"state", "survey", "expires", "left", "message", "portal"}, told.text
    assert told.headers["Cache-Control"] == "no-store"
    held = browser.run("return document.documentElement.outerHTML + JSON.stringify([localStorage, sessionStorage])")
    for text in (told.text, held, lab.log.read_text()):
        for word in (secret["AccessKeyId"], secret["SecretAccessKey"], secret["Token"], bearer.removeprefix("Bearer ")):
            assert word not in text


def test_it_shows_the_survey_and_the_time_left(lab, browser):
    browser.until(lambda: minutes(browser) is not None)
    assert abs(minutes(browser) - lab.status().json()["left"] / 60) < 1.5
    assert level(browser) == "good"
    assert browser.one(".skykey-item").get_attribute("title").startswith("S3 credentials for demo: ")
    open_panel(browser)
    assert browser.one("#skykey-panel h2").text == "S3 credentials for demo"
    assert "New ones come by themselves" in words(browser)
    assert browser.one("#skykey-panel .skykey-row a").get_attribute("href") == lab.status().json()["portal"]
    browser.shot("good")
    assert not browser.complaints()


def test_the_time_counts(browser):
    try:
        left = minutes(browser)
        shift_clock(browser, 20 * 60)
        browser.until(lambda: left - 21 <= minutes(browser) <= left - 20, 5)
        shift_clock(browser, (left - 5) * 60)
        browser.until(lambda: level(browser) == "warn", 5)
        assert minutes(browser) in (4, 5)
        shift_clock(browser, 60 * 60)
        browser.until(lambda: item(browser) == "demo: expired", 5)
        assert level(browser) == "bad"
        # It does not believe the browser's clock, only what it counts.
        open_panel(browser)
        browser.one(".skykey-renew").click()
        browser.until(lambda: level(browser) == "good", 10)
        assert words(browser).startswith("These are the newest there are. Good for ")
    finally:
        shift_clock(browser, 0)
        browser.command("skykey:renew")


def test_renew_gets_new_ones_when_there_are(demo_sky, lab, browser):
    before = credentials(lab.environment)
    bob = demo_sky.person("bob")
    leases = requests.get(bob.portal("api/v1/leases"), headers=bob.bearer).json()["leases"]
    for lease in leases:
        assert requests.delete(bob.portal(f"api/v1/leases/{lease['id']}"), headers=bob.bearer).ok
    open_panel(browser)
    browser.one(".skykey-renew").click()
    browser.until(lambda: words(browser).startswith("Renewed. Good for "), 10)
    assert credentials(lab.environment)["AccessKeyId"] != before["AccessKeyId"]


def test_the_keyboard_reaches_it(browser):
    browser.run("document.querySelector('#skykey-panel').hidePopover()")
    browser.one(".skykey-item").send_keys(Key.ENTER)
    browser.until(lambda: browser.driver.switch_to.active_element.text == "Renew")
    browser.driver.switch_to.active_element.send_keys(Key.TAB)
    assert browser.driver.switch_to.active_element.text == "Open the portal"
    browser.driver.switch_to.active_element.send_keys(Key.ESCAPE)
    browser.until(lambda: not browser.one("#skykey-panel").is_displayed())
    assert browser.driver.switch_to.active_element == browser.one(".skykey-item")
    browser.command("skykey:show")
    assert browser.one("#skykey-panel").is_displayed()


WORDS = """
const [states, done] = arguments;
const loaded = performance.getEntriesByType('resource').map(entry => entry.name);
import(loaded.find(name => name.includes('/skykey-jupyterlab/static/status.js'))).then(({ told, linked }) => {
  const said = states.map(([standing, left]) => told(standing, left));
  const panel = document.createElement('p');
  panel.append(...linked('see <img src=x> at https://a.example/b?c=d; or javascript:alert(1)'));
  done([said.map(({ level, short, long }) => [level, short, long]), panel.innerHTML]);
});
"""


def test_every_standing_has_words(browser):
    away = {"state": "away", "message": "the portal does not answer"}
    states = [[{"state": "good"}, 8000], [{"state": "good"}, 61], [away, 600], [away, None], [{"state": "refused"}, 5]]
    said, markup = browser.driver.execute_async_script(WORDS, states)
    looks = [(level, short) for level, short, _ in said]
    assert looks == [
        ("good", "2 h 13 min left"),
        ("warn", "61 s left"),
        ("warn", "10 min left"),
        ("bad", "no answer"),
        ("bad", "refused"),
    ]
    assert re.fullmatch(r"The portal does not answer\. Your present ones work until \d\d:\d\d\.", said[2][2])
    assert said[3][2] == "The portal does not answer."
    # What an endpoint says is text, and only addresses are links.
    assert markup.startswith("see &lt;img src=x&gt; at <a ") and markup.count("<") == 2, markup
    assert 'href="https://a.example/b?c=d"' in markup and markup.endswith("; or javascript:alert(1)")


CONTRAST = """
const channels = color => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = color => {
  const linear = c => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = channels(color).map(c => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = node => {
  const color = getComputedStyle(node).backgroundColor;
  return /, 0\\)$/.test(color) && node.parentElement ? ground(node.parentElement) : color;
};
return arguments[0].map(selector => {
  const node = document.querySelector(selector);
  const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
  return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
});
"""


def test_it_can_be_read_in_light_and_in_dark(browser):
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        browser.command("apputils:change-theme", theme=theme)
        browser.until(lambda: browser.run("return document.body.dataset.jpThemeName") == theme)
        open_panel(browser)
        # The pointer's own colours are not measured.
        browser.one("#skykey-panel h2").click()
        browser.shot(theme.split()[-1].lower())
        for selector, contrast in browser.run(
            CONTRAST, [".skykey-item", "#skykey-panel h2", "#skykey-panel p", ".skykey-renew", ".skykey-row a"]
        ):
            assert contrast >= 4.5, (theme, selector, contrast)


def test_the_panel_stays_within_a_narrow_window(browser):
    before = browser.driver.get_window_size()
    browser.driver.set_window_size(500, 700)  # Chromium makes none narrower
    browser.run("document.querySelector('#skykey-panel').hidePopover(); document.body.style.width = '360px'")
    open_panel(browser)
    edges = "const box = document.querySelector('#skykey-panel').getBoundingClientRect(); return [box.left, box.right]"
    browser.until(lambda: browser.run(edges)[0] >= 8)
    assert browser.run(edges)[1] <= browser.run("return window.innerWidth")
    browser.run("document.body.style.width = ''")
    browser.driver.set_window_size(before["width"], before["height"])


def test_a_removal_is_said_and_readmission_recovers(demo_sky, lab, browser):
    olive, bob = demo_sky.person("olive"), demo_sky.person("bob")
    olive.remove(bob, READERS)
    open_panel(browser)

    def asked(there):
        def look():
            if not browser.one(".skykey-renew").get_attribute("disabled"):
                browser.one(".skykey-renew").click()
            return there()

        return look

    browser.until(asked(lambda: item(browser) == "demo: refused"), 20)
    assert level(browser) == "bad"
    browser.until(lambda: words(browser).startswith("Removed from demo/readers at "))
    assert "ask to join again at " in words(browser)
    join = browser.one("#skykey-panel p a").get_attribute("href")
    assert join.startswith(demo_sky.up["iam"]), join
    assert browser.one(".skykey-renew").text == "Ask again"
    browser.shot("refused")
    bob.ask_to_join(READERS)
    olive.approve("bob", READERS)
    browser.until(asked(lambda: level(browser) == "good"), 20)
    assert minutes(browser) >= 59
