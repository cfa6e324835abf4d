// Holds what was seen against what a case expects. Each check gives texts that say what is wrong; none of them
// means that all is well.

import { createHash } from 'node:crypto';

import { parseDictionary } from 'structured-headers';

/**
 * What the host makes of a case: the case's own expectations, or those that the host declares for its class. A
 * request that is refused reaches nobody: `origin` then says what is seen by way of a host that reads it otherwise.
 */
export function expectedOf(one, host) {
  const own = one.class === undefined ? undefined : host.answers[one.class];
  const seen = [one.origin ?? []].flat();
  if (!own) return { answers: [one.expect, ...(one.then ?? [])], seen: one.expect.code && !one.then ? [] : seen };
  const body = own.seen_body === undefined ? {} : { body: own.seen_body };
  return { answers: [own, ...(own.then ?? [])], seen: own.passes ? seen.map((request) => ({ ...request, ...body })) : [] };
}

/** Whether the answers are the ones that are expected. */
export function compareAnswers(expected, answers) {
  const wrong = [];
  if (answers.length !== expected.length) {
    wrong.push(`${answers.length} answers came instead of ${expected.length}: ${answers.map((a) => a.status).join(' ')}`);
  }
  for (const [at, answer] of answers.slice(0, expected.length).entries()) {
    const { status, type, headers = {}, body } = expected[at];
    if (![status].flat().includes(answer.status)) wrong.push(`status ${answer.status} instead of ${status}`);
    if (type !== undefined) wrong.push(...compareType(type, expected[at].code, answer));
    for (const [name, value] of Object.entries(headers)) {
      const found = valuesOf(answer.headers, name.toLowerCase());
      if (!fits(value, found)) wrong.push(`the answer's ${name} is ${show(found)} instead of ${show(value)}`);
    }
    if (body !== undefined) wrong.push(...compareBody('the answer', body, answer.body));
  }
  return wrong;
}

/** The problem's type; one of a malformed request tells its client the code as well. */
function compareType(type, code, answer) {
  let told;
  try {
    told = JSON.parse(answer.body.toString());
  } catch {
    return ['the answer is no problem document'];
  }
  if (told.type !== `tag:portcullis,2026:${type}`) return [`the problem is ${told.type} instead of ${type}`];
  const says = type !== 'malformed_request' || [code].flat().includes(told.code);
  return says ? [] : [`the problem's code is ${told.code} instead of ${code}`];
}

/** Whether the origin saw these requests, and no more of them. */
export function compareOrigin(expected, seen, host) {
  const wrong = [];
  if (seen.length !== expected.length) {
    const lines = seen.map(({ method, target }) => `${method} ${target}`);
    wrong.push(`the origin saw ${seen.length} requests instead of ${expected.length}: ${lines.join(', ')}`);
  }
  for (const [at, request] of seen.slice(0, expected.length).entries()) {
    const { method, target, headers, body = '', upgrade } = expected[at];
    if (request.method !== method) wrong.push(`the origin saw the method ${request.method} instead of ${method}`);
    if (request.target !== target) wrong.push(`the origin saw the target ${request.target} instead of ${target}`);
    wrong.push(...compareFields(headers, request, { ...host, isHandshake: upgrade === 'websocket' }));
    wrong.push(...compareBody('the origin', body, request.body));
  }
  return wrong;
}

/** The fields that the origin saw: all that are expected, and no other but the host's own. */
function compareFields(expected, request, host) {
  const wrong = [];
  const own = host.writes.filter(({ handshake }) => !handshake || host.isHandshake);
  const names = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const wanted = new Map();
  for (const [name, value] of expected) wanted.set(name.toLowerCase(), [...(wanted.get(name.toLowerCase()) ?? []), value]);
  for (const name of wanted.keys()) if (!names.has(name)) wrong.push(`the origin lacks ${name}: ${show(wanted.get(name))}`);
  for (const name of names) {
    const found = valuesOf(request.headers, name);
    const values = wanted.get(name);
    const written = own.find((field) => field.name === name);
    if (values) {
      if (!sameFields(name, values, found)) wrong.push(`the origin's ${name} is ${show(found)} instead of ${show(values)}`);
    } else if (!written) {
      wrong.push(`the origin has ${name}: ${show(found)}`);
    } else if (found.length !== 1 || !isWritten(written.value, found[0], request)) {
      wrong.push(`the origin's ${name}, which the host writes, is ${show(found)} instead of ${written.value}`);
    }
  }
  const missing = own.filter(({ name, needed }) => needed && !names.has(name));
  wrong.push(...missing.map(({ name }) => `the origin lacks ${name}, which the host writes`));
  if (names.has('content-length') && names.has('transfer-encoding')) wrong.push('the origin saw two framings');
  return wrong;
}

function isWritten(value, found, request) {
  if (value === '{{length}}') return found === String(request.body.length);
  return value === '*' || found.toLowerCase() === value.toLowerCase();
}

/** A field that is sent several times is one with a comma in it (RFC 9110, 5.3): hosts send either. */
function sameFields(name, wanted, found) {
  const isJoined = () => wanted.join(', ') === found.join(', ');
  if (wanted.every((value) => typeof value === 'string')) return sorted(wanted) === sorted(found) || isJoined();
  if (wanted.length !== 1 || found.length !== 1) return false;
  return name === 'portcullis' ? holds(wanted[0], found[0]) : fits(wanted[0], found);
}

const sorted = (values) => [...values].sort().join('\n');

/** Whether the dictionary has these members; `null` is a member that it must not have. */
function holds(members, found) {
  let told;
  try {
    told = new Map([...parseDictionary(found)].map(([key, [value]]) => [key, plain(value)]));
  } catch {
    return false;
  }
  const is = ([key, value]) => (value === null ? !told.has(key) : told.has(key) && fitsOne(value, told.get(key)));
  return Object.entries(members).every(is);
}

const plain = (value) => (Array.isArray(value) ? value.map(([item]) => plain(item)).join(' ') : String(value));

/**
 * Whether a field's values are as expected: a text is the value, `null` says that there is none, a list has the
 * items of a field that is a list, in any order, and `{ "match": … }` is a regular expression.
 */
function fits(expected, found) {
  if (expected === null) return found.length === 0;
  if (found.length === 0) return false;
  if (Array.isArray(expected)) {
    const items = found.join(',').split(',').map((item) => item.trim().toLowerCase());
    return sorted(items) === sorted(expected.map((item) => item.toLowerCase()));
  }
  return fitsOne(expected, found.join(', '));
}

function fitsOne(expected, found) {
  return typeof expected === 'object' ? new RegExp(expected.match).test(found) : String(expected) === found;
}

function compareBody(who, expected, found) {
  if (typeof expected === 'string') {
    const body = found.toString('latin1');
    return body === expected ? [] : [`${who} has the body ${show(body.slice(0, 200))} instead of ${show(expected)}`];
  }
  const sha256 = createHash('sha256').update(found).digest('hex');
  const same = found.length === expected.length && sha256 === expected.sha256;
  return same ? [] : [`${who} has a body of ${found.length} bytes, ${sha256}, instead of ${expected.length}, ${expected.sha256}`];
}

function valuesOf(headers, name) {
  return headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
}

const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
