// Alerts and dashboard: promtool accepts them, their tests pass, and every metric that they name is one that
// a real issuer shows.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startIssuer } from './support/issuer.mjs';
import { atEnd, run, temporaryFolder, until } from './support/processes.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/operations/', import.meta.url));
const PROMTOOL = process.env.PORTCULLIS_PROMTOOL ?? 'promtool';
const file = (name) => readFile(join(FOLDER, name), 'utf8');

/** Metrics of others: what the blackbox exporter measures of a gate. */
const FOREIGN = new Set(['probe_success']);

const ruleText = await file('alerts.yaml');
const rules = ruleText
  .split(/^ +- alert: /m)
  .slice(1)
  .map((rule) => ({
    name: rule.slice(0, rule.indexOf('\n')),
    expression: rule.match(/^ +expr: (.*)$/m)[1],
    runbook: rule.match(/^ +runbook: (.*)$/m)?.[1],
  }));
const dashboard = JSON.parse(await file('dashboard.json'));
const panels = dashboard.panels.flatMap((panel) =>
  panel.targets.map((target) => ({ name: panel.title, expression: target.expr })),
);

/** The metrics of a PromQL expression: what is no function, no word of the language and no label. */
function metricsOf(expression) {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  const names = bare.match(/[a-zA-Z_][a-zA-Z0-9_]*/g).filter((name) => name.includes('_'));
  return names.filter((name) => !['histogram_quantile'].includes(name));
}

test('promtool takes the alerts, and their tests pass', async (context) => {
  const there = spawnSync(PROMTOOL, ['--version']).error === undefined;
  if (!there && !process.env.CI) {
    return context.skip("LEFT OUT: there is no promtool here; install Debian's package `prometheus`");
  }
  for (const args of [
    ['check', 'rules', 'alerts.yaml'],
    ['test', 'rules', 'alerts.test.yaml'],
  ]) {
    const { code, stdout, stderr } = await run(PROMTOOL, args, { cwd: FOLDER });
    assert.equal(code, 0, stdout + stderr);
  }
});

test('each alert is tested, and leads to a page', async () => {
  const tests = await file('alerts.test.yaml');
  assert.ok(rules.length > 10);
  for (const { name, runbook } of rules) {
    for (const what of ['fires', 'is quiet']) {
      assert.ok(tests.includes(`- name: ${name} ${what}\n`), `no test says that ${name} ${what}`);
    }
    assert.ok(existsSync(join(FOLDER, '../..', runbook)), `${name}: there is no ${runbook}`);
  }
});

test('each alert that a page names is one', async () => {
  const known = new Set(rules.map((rule) => rule.name));
  const pages = (await readdir(FOLDER)).filter((name) => name.endsWith('.md'));
  const texts = await Promise.all([...pages, '../operations.md'].map(file));
  const named = texts.join('\n').match(/`Portcullis[A-Za-z]+`/g).map((name) => name.slice(1, -1));
  assert.ok(named.length > 5);
  for (const name of named) assert.ok(known.has(name), `there is no alert ${name}`);
});

/** What a real issuer shows when everything that is counted has happened once. */
async function shown() {
  const list = join(await temporaryFolder(), 'list');
  const issuer = await startIssuer({
    targets: [`dir:${list}`],
    more: ['--open-metrics', '--head-timeout', '200ms', '--webhooks-allow-private', '--webhooks-allow-http'],
  });
  const refused = await fetch(`${issuer.url}/v1/keys`, { headers: { authorization: 'Bearer sk_live_x' } });
  assert.equal(refused.status, 401);
  const hook = await issuer.api('POST', '/v1/webhooks', { url: 'http://127.0.0.1:9/', types: ['api-key.created'] });
  assert.equal(hook.status, 201, JSON.stringify(hook.body));
  await issuer.api('POST', '/v1/keys', { title: 'x' });
  const socket = connect(Number(new URL(issuer.url).port), '127.0.0.1', () => socket.write('GET / HT'));
  socket.on('error', () => {});
  atEnd(() => socket.destroy());
  const happened = ['webhook_attempts_total', 'admin_keys_refused_total', 'connections_timed_out_total', 'target_lag_seconds'];
  return until('everything is counted', async () => {
    const text = await (await fetch(`${issuer.url}/metrics`)).text();
    return happened.every((name) => text.includes(`\nportcullis_${name}{`)) ? text : undefined;
  });
}

test('every metric that an alert or a panel names is shown by an issuer', async () => {
  const text = await shown();
  const names = new Set(text.split('\n').flatMap((line) => line.match(/^([a-z_]+)[{ ]/)?.[1] ?? []));
  const labels = (metric) => text.split('\n').filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
  for (const { name, expression } of [...rules, ...panels]) {
    const metrics = metricsOf(expression);
    assert.ok(metrics.length > 0, `${name}: there is no metric in ${expression}`);
    for (const metric of metrics) {
      assert.ok(FOREIGN.has(metric) || names.has(metric), `${name}: no issuer shows ${metric}`);
    }
    // Labels of ours that are chosen or grouped by.
    const wanted = [...expression.matchAll(/([a-z_]+)\{([a-z]+)=/g)].map(([, metric, label]) => [metric, label]);
    const by = expression.match(/by \(([^)]*)\)/)?.[1].split(', ') ?? [];
    for (const label of by) wanted.push([metrics[0], label]);
    for (const [metric, label] of wanted) {
      if (FOREIGN.has(metric) || label === 'instance') continue;
      assert.ok(labels(metric).some((line) => line.includes(`${label}="`)), `${name}: ${metric} has no label ${label}`);
    }
  }
});
