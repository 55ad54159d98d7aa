/* The item in the status bar, and the panel that it opens. */

const ID = 'skykey-jupyterlab:status';
// Intervals between requests to the server, and between updates of the time.
const ASK_EVERY = 60_000;
const TICK_EVERY = 1_000;
// With less left, clients ask for new ones (botocore below 15 minutes), so the renewal is late.
const SOON = 10 * 60;

export function plugin({ Widget, IStatusBar, ICommandPalette, ServerConnection }) {
  return {
    id: ID,
    description: 'How long the S3 credentials of this server are valid.',
    autoStart: true,
    optional: [IStatusBar, ICommandPalette],
    activate: async (app, statusBar, palette) => {
      if (!statusBar) {
        return;
      }
      const settings = app.serviceManager.serverSettings;
      const url = new URL('skykey/status', settings.baseUrl).href;
      const ask = async method => {
        const answer = await ServerConnection.makeRequest(url, { method }, settings);
        if (answer.status === 404) {
          return { state: 'absent' };
        }
        if (!answer.ok) {
          throw new Error(`the notebook server returned ${answer.status}`);
        }
        return answer.json();
      };
      const item = new Item(ask);
      // Without an endpoint there is nothing to show.
      if ((await item.look()).state === 'absent') {
        return;
      }
      statusBar.registerStatusItem(ID, { item: new Widget({ node: item.button }), align: 'right', rank: 20 });
      document.body.append(item.panel);
      item.start();
      const category = 'S3 credentials';
      const add = (command, label, execute) => {
        app.commands.addCommand(command, { label, execute });
        palette?.addItem({ command, category });
      };
      add('skykey:show', 'Show how long the S3 credentials last', () => item.panel.showPopover());
      add('skykey:renew', 'Renew the S3 credentials', () => item.renew());
    }
  };
}

class Item {
  constructor(ask) {
    this.ask = ask;
    this.standing = { state: 'away', message: 'not asked yet' };
    // When they end, by this browser's clock.
    this.end = null;
    this.note = '';
    this.dot = element('span', { className: 'skykey-dot', ariaHidden: 'true' });
    this.label = element('span');
    this.button = element('button', { type: 'button', className: 'skykey-item' }, this.dot, this.label);
    this.title = element('h2');
    this.words = element('p');
    this.words.setAttribute('role', 'status');
    this.renewButton = element('button', { type: 'button', className: 'skykey-renew', autofocus: true });
    this.renewButton.addEventListener('click', () => this.renew());
    this.link = element('a', { target: '_blank', rel: 'noopener noreferrer', textContent: 'Open the portal' });
    const row = element('div', { className: 'skykey-row' }, this.renewButton, this.link);
    this.panel = element('div', { id: 'skykey-panel', popover: 'auto' }, this.title, this.words, row);
    this.panel.setAttribute('role', 'dialog');
    this.panel.setAttribute('aria-label', 'S3 credentials');
    this.panel.addEventListener('beforetoggle', () => this.place());
    this.panel.addEventListener('toggle', () => this.keepInside());
    this.button.popoverTargetElement = this.panel;
  }

  start() {
    this.show();
    setInterval(() => this.show(), TICK_EVERY);
    setInterval(() => document.hidden || this.look(), ASK_EVERY);
    document.addEventListener('visibilitychange', () => document.hidden || this.look());
  }

  /* Asks the server, which asks the endpoint now and then; POST makes it ask now. */
  async look(method = 'GET') {
    let standing;
    try {
      standing = await this.ask(method);
    } catch (error) {
      standing = { ...this.standing, state: 'away', message: `${error.message ?? error}` };
    }
    if (standing.left != null) {
      this.end = Date.now() + standing.left * 1000;
    } else if (standing.state !== 'away') {
      this.end = null;
    }
    this.standing = standing;
    this.note = '';
    this.show();
    return standing;
  }

  async renew() {
    const before = this.standing.expires;
    this.renewButton.disabled = true;
    this.say('Asking…');
    const { state, expires } = await this.look('POST');
    this.renewButton.disabled = false;
    if (state === 'good') {
      this.note = expires === before ? 'These are the newest there are.' : 'Renewed.';
      this.show();
    }
  }

  /* Seconds; credentials that nobody speaks of any more still end when they end. */
  left() {
    return this.end === null ? null : Math.max(0, (this.end - Date.now()) / 1000);
  }

  show() {
    const { survey, portal } = this.standing;
    const { level, short, long } = told(this.standing, this.left());
    const name = survey ?? 'S3';
    if (level !== 'good') {
      this.note = '';
    }
    put(this.button.dataset, 'level', level);
    put(this.label, 'textContent', `${name}: ${short}`);
    put(this.button, 'title', `S3 credentials for ${name}: ${short}`);
    put(this.renewButton, 'textContent', level === 'good' ? 'Renew' : 'Ask again');
    put(this.title, 'textContent', survey ? `S3 credentials for ${survey}` : 'S3 credentials');
    this.say(this.note ? `${this.note} ${long}` : long);
    this.link.hidden = !/^https?:/.test(portal ?? '');
    put(this.link, 'href', portal ?? '');
  }

  say(text) {
    if (this.words.textContent !== text) {
      this.words.replaceChildren(...linked(text));
    }
  }

  /* Above the item, within the window. */
  place() {
    const box = this.button.getBoundingClientRect();
    this.panel.style.bottom = `${window.innerHeight - box.top + 6}px`;
    this.panel.style.right = `${Math.max(8, window.innerWidth - box.right)}px`;
  }

  /* In a narrow window, not beyond its left edge; how wide it is, is known only when it is open. */
  keepInside() {
    const beyond = 8 - this.panel.getBoundingClientRect().left;
    if (beyond > 0) {
      this.panel.style.right = `${Math.max(8, parseFloat(this.panel.style.right) - beyond)}px`;
    }
  }
}

/* How it looks and what is said: in the bar, and in the panel. */
export function told({ state, message }, left) {
  const ended = left === 0;
  const until = left === null ? '' : clock(new Date(Date.now() + left * 1000));
  if (state === 'refused') {
    return { level: 'bad', short: 'refused', long: sentence(message) };
  }
  if (state === 'away') {
    const rest = left ? ` Your present ones work until ${until}.` : '';
    const [level, short] = left ? ['warn', `${span(left)} left`] : ['bad', 'no answer'];
    return { level, short, long: sentence(message) + rest };
  }
  if (ended) {
    const long = 'They have expired. The next request of any client asks for new ones, and so can you.';
    return { level: 'bad', short: 'expired', long };
  }
  const rest = `${span(left)}, until ${until}`;
  const short = `${span(left)} left`;
  if (left < SOON) {
    const why = 'New ones are due; if they do not come, the portal cannot issue any now.';
    return { level: 'warn', short, long: `Good for ${rest}. ${why}` };
  }
  return { level: 'good', short, long: `Good for ${rest}. New ones come by themselves, in every kernel and terminal.` };
}

export function span(seconds) {
  if (seconds < 90) {
    return `${Math.ceil(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function clock(time) {
  return time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

function sentence(text) {
  const words = (text ?? '').trim();
  return words && `${words[0].toUpperCase()}${words.slice(1)}${/[.!?/]$/.test(words) ? '' : '.'}`;
}

/* Addresses in what the endpoint said become links; all of it stays text. */
export function linked(text) {
  return text.split(/(https?:\/\/[^\s;,)]+[^\s;,).])/).map((part, index) =>
    index % 2 ? element('a', { href: part, target: '_blank', rel: 'noopener noreferrer', textContent: part }) : part
  );
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* Writes only what changed, so that nothing is read out, or drawn, every second. */
function put(target, name, value) {
  if (target[name] !== value) {
    target[name] = value;
  }
}
