// The page: one verifier, the key in the field, and a clock.

import { EMPTY, sayTrouble, sayVerdict } from './words.js';

const REFRESH_MS = 2_000;
const TICK_MS = 250;

const at = (id) => document.getElementById(id);
const field = at('key');

const state = {
  issuer: '',
  verifier: undefined,
  // The last refresh's error; undefined if it succeeded.
  trouble: undefined,
  // The last verdict on the key in the field, to notice a change that the user didn't cause.
  last: { token: '', ok: false },
};

start();

async function start() {
  try {
    const [{ createVerifier, httpSource }, { issuer, root }] = await Promise.all([
      import('./portcullis/js/entry/streaming.js'),
      configuration(),
    ]);
    at('issuer').value = issuer;
    at('root').value = root;
    state.issuer = issuer;
    if (!issuer || !root) return ask('Which issuer? Tell its address and root key.');
    state.verifier = createVerifier({ root, source: httpSource(issuer) });
  } catch (error) {
    // An error without a code is not the package's: the module did not load, or the address is
    // invalid.
    return ask(error.code ? sayTrouble(error) : `The verifier can’t start: ${error.message}`);
  }
  show();
  keepFresh();
  setInterval(show, TICK_MS);
}

// The settings from the page's query; missing ones come from the server's configuration.
async function configuration() {
  const query = new URLSearchParams(location.search);
  const asked = { issuer: query.get('issuer') ?? '', root: query.get('root') ?? '' };
  if (asked.issuer && asked.root) return asked;
  const response = await fetch('./config.json').catch(() => undefined);
  const told = response?.ok ? await response.json() : {};
  return { issuer: asked.issuer || told.issuer || '', root: asked.root || told.root || '' };
}

function ask(why) {
  state.trouble = why;
  at('connection').open = true;
  showLink('cut', 'Not connected');
  showTrouble(why, true);
}

async function keepFresh() {
  try {
    await state.verifier.refresh();
    state.trouble = undefined;
  } catch (error) {
    state.trouble = sayTrouble(error);
  }
  show();
  setTimeout(keepFresh, REFRESH_MS);
}

// Renders everything that depends on the key, the list or the time. Called whenever one of them may
// have changed.
function show() {
  if (state.verifier === undefined) return;
  const now = Date.now();
  const status = state.verifier.status({ now });
  showKey(now);
  showList(status.list, now);
  showConnection(status);
}

function showKey(now) {
  // Copying can add spaces around a key; spaces inside it are a mistake.
  const token = field.value.trim();
  at('clear').hidden = field.value === '';
  showWarning(/^(?:[a-z][a-z0-9]*_)?[sa]k_/.test(token));
  const verdict = token === '' ? undefined : state.verifier.verify(token, { now });
  const [name, title, why] = verdict === undefined ? EMPTY : sayVerdict(verdict);
  at('verdict').dataset.state = name;
  put('title', title);
  put('why', why);
  at('code-line').hidden = verdict === undefined || verdict.ok;
  put('code', verdict?.code ?? '');
  showTurn(token, verdict?.ok === true, verdict?.list.number, now);
  showFacts(verdict?.key);
}

function showWarning(secret) {
  const warning = at('secret-warning');
  if (warning.hidden === !secret) return;
  const strong = document.createElement('strong');
  strong.textContent = 'This is a secret key.';
  const rest = 'It has not left this page, but secrets don’t belong in web pages. Clear the field, '
    + 'and if others may have seen it, roll the key.';
  warning.replaceChildren(...(secret ? [strong, rest] : []));
  warning.hidden = !secret;
}

// Tells the user when the key in the field stops being accepted without a change to the field.
function showTurn(token, ok, number, now) {
  if (token !== state.last.token) at('turned').hidden = true;
  else if (state.last.ok && !ok) {
    put('turned', `It was accepted here until ${clock(now)}. It is verified now against list number ${number}.`);
    at('turned').hidden = false;
  } else if (ok) at('turned').hidden = true;
  state.last = { token, ok };
}

function showFacts(key) {
  const facts = at('facts');
  facts.hidden = key === undefined;
  if (facts.dataset.shown === (key?.name ?? '')) return;
  facts.dataset.shown = key?.name ?? '';
  if (key === undefined) return facts.replaceChildren();
  const proof = key.algorithm === 'ed25519' ? 'Ed25519 signature' : 'HMAC-SHA256';
  facts.replaceChildren(
    fact('Name, safe to show', key.name, undefined, 'name'),
    fact('Kind', key.kind, key.kind === 'secret' ? 'for servers' : 'for web pages and apps'),
    fact('Environment', key.environment),
    fact('Issued', date(key.issuedAt), relative(key.issuedAt)),
    fact('Expires', ...(key.expiresAt === null ? ['never'] : [date(key.expiresAt), relative(key.expiresAt)])),
    fact('Owner', key.owner ?? 'none'),
    fact('Policy', key.policy ?? 'none'),
    fact('Proved by', proof, `signer ${key.kid}`),
    fact('Serial', key.serial, 'its place in the list'),
  );
}

function fact(term, value, note, name) {
  const group = document.createElement('div');
  const dt = document.createElement('dt');
  const dd = document.createElement('dd');
  dt.textContent = term;
  dd.textContent = value;
  if (name) {
    group.className = 'wide';
    dd.className = name;
  }
  if (note) {
    const small = document.createElement('small');
    small.textContent = note;
    dd.append(small);
  }
  group.append(dt, dd);
  return group;
}

const FRESHNESS_NAMES = { fresh: 'fresh', stale: 'stale', dead: 'too old', unknown: 'not here yet' };

function showList(list, now) {
  const held = list.number !== null;
  const freshness = held && list.freshness === 'unknown' ? 'dead' : list.freshness;
  at('list').dataset.freshness = freshness;
  put('freshness', FRESHNESS_NAMES[freshness]);
  put('number', held ? `No. ${list.number}` : '–');
  put('age', held ? duration(list.ageMs) : '–');
  put('this-update', held ? clock(list.thisUpdate) : '–');
  put('next-update', held ? clock(list.nextUpdate) : '–');
  const left = held ? list.nextUpdate - now : 0;
  put('left', !held ? '–' : left > 0 ? duration(left) : 'none');
  const part = held ? Math.min(1, list.ageMs / (list.nextUpdate - list.thisUpdate)) : 0;
  at('bar').style.transform = `scaleX(${part.toFixed(4)})`;
}

function showConnection({ issuer, list }) {
  const { host } = new URL(state.issuer);
  const usable = list.freshness !== 'unknown';
  if (state.trouble === undefined) {
    showTrouble('', false);
    if (issuer) showLink('good', `Connected to ${issuer.slice(0, 10)}… at ${host}`);
    else showLink('', `Connecting to ${host}…`);
    return;
  }
  showLink(usable ? 'trouble' : 'cut', usable ? `Trouble with ${host}` : `Not connected to ${host}`);
  const until = usable ? ` Keys are still verified against list number ${list.number}, until ${clock(list.nextUpdate)}.` : '';
  showTrouble(state.trouble + until, !usable);
}

function showLink(link, text) {
  at('connection').dataset.link = link;
  put('connection-text', text);
}

function showTrouble(text, grave) {
  const trouble = at('trouble');
  put('trouble', text);
  trouble.toggleAttribute('data-grave', grave);
  trouble.hidden = text === '';
}

// Write only changes, because a screen reader announces each write.
function put(id, text) {
  const element = at(id);
  if (element.textContent !== String(text)) element.textContent = text;
}

function clock(millis) {
  return new Date(millis).toLocaleTimeString();
}

function date(millis) {
  return new Date(millis).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

function relative(millis) {
  const seconds = (millis - Date.now()) / 1000;
  const units = [['year', 31_557_600], ['month', 2_629_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];
  const [unit, size] = units.find(([, least]) => Math.abs(seconds) >= least) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

function duration(millis) {
  const seconds = millis / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min ${Math.floor(seconds % 60)} s`;
}

field.addEventListener('input', show);
at('connection').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  at('connection').open = false;
  at('connection').querySelector('summary').focus();
});
at('clear').addEventListener('click', () => {
  field.value = '';
  show();
  field.focus();
});
