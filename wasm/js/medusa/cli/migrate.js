// `portcullis-medusa migrate`: makes a new key at the issuer for each key of Medusa's own module.
//
// Each key is made under an idempotency key of its own, then its text is written to the report, and
// the shop's tables are written last, in one transaction. So if a run is killed at any point, the
// next run completes it.

import { createHash } from 'node:crypto';
import { UserError } from './user-error.js';
import { hasTable, prepare } from './connect.js';
import { REPORT, Report } from './report.js';
import { UNLABELLED } from '../labels.js';
import { redact } from '../old-tables.js';
import { hashed } from '../scrypt.js';

const LONGEST_TITLE = 255;
// The metadata field of a new key that names the old key it replaces.
const MARK = 'medusa_api_key';
const PAGE = 200;
const EVERY = 1_000;
const UNTITLED = '(untitled)';
const REVOKED = "revoked before it was taken over from Medusa's module";
const REVOKED_SINCE = 'revoked in Medusa';

export async function migrate({ shop, issuer, scope, report: path = REPORT, print, tell }) {
  const { old, left } = await oldKeys(shop);
  const known = await issuerKeys(issuer, scope);
  const todo = old.filter(({ new_id }) => new_id === null);
  const since = changedSince(old, known);
  const shown = {
    to_make: todo.map((row) => summary(row)),
    to_revoke: since.map(({ row }) => ({ old_id: row.id, new_id: row.new_id })),
    made_before: old.length - todo.length,
    left_out: left.map((row) => summary(row)),
  };
  for (const row of todo) print(described(row));
  for (const { row } of since) print(`${row.new_id} was revoked in Medusa's dashboard since, and is revoked at the issuer`);
  for (const row of left) print(`left out, since it is deleted: ${row.id} ${JSON.stringify(titleOf(row))}`);
  print(`${todo.length} keys to make (${todo.filter((row) => stateOf(row) === 'revoked').length} of them are revoked and stay so), ${shown.made_before} were made before, ${left.length} are left out`);
  const apply = () => make({ shop, issuer, scope, path, todo, since, known, print, tell });
  return { shown, apply, question: `Make ${todo.length} keys at the issuer?` };
}

async function make({ shop, issuer, scope, path, todo, since, known, print, tell }) {
  await prepare(shop);
  const report = await Report.open(path);
  const made = [];
  let told = Date.now();
  try {
    for (const row of todo) {
      made.push(await takeOver(row, { shop, issuer, scope, report, known }));
      if (Date.now() - told > EVERY) {
        told = Date.now();
        tell(`${made.length} of ${todo.length} keys`);
      }
    }
    for (const { row, at } of since) await revoke(issuer, row.new_id, at, row.mirror_revoked_by, REVOKED_SINCE);
    await newLinks(shop);
  } finally {
    await report.close();
  }
  for (const one of made) print(`${one.old_id} ${one.old_redacted} -> ${one.new_id} ${one.token ?? one.new_redacted}`);
  const secrets = made.filter(({ type, state }) => type === 'secret' && state !== 'revoked').length;
  print(`${made.length} keys made. ${secrets} texts of secret keys are in ${path} and nowhere else: hand them out, then delete the file`);
  return { made, report: path };
}

async function takeOver(row, { shop, issuer, scope, report, known }) {
  const body = bodyOf(row, scope);
  const { key, token } = await create(issuer, body, row, known.marked.get(row.id), report);
  const state = stateOf(row);
  const isPublishable = row.type === 'publishable';
  const line = {
    old_id: row.id,
    old_redacted: row.redacted,
    title: body.title,
    type: row.type,
    state,
    new_id: key.id,
    new_redacted: key.redacted,
    ...(state === 'revoked' ? {} : { token }),
  };
  if (state !== 'revoked') await report.add(line);
  if (row.revoked_at !== null) await revoke(issuer, key.id, row.revoked_at, row.revoked_by, REVOKED);
  const stored = isPublishable ? { token, salt: '' } : await hashed(token);
  const now = await shop.transaction(() => write(shop, row, { id: key.id, title: body.title, redacted: redact(token), ...stored }));
  // Revoked in Medusa's dashboard while the new key was made.
  if (now !== undefined && Number(now.revoked_at) !== Number(row.revoked_at)) {
    await revoke(issuer, key.id, now.revoked_at, now.revoked_by, REVOKED_SINCE);
  }
  const { token: text, ...rest } = line;
  return isPublishable && text !== undefined ? { ...rest, token: text } : rest;
}

// Writes the row of the new key in Medusa's own table, for processes that still run Medusa's
// module; its links to the same sales channels; and which key it replaces.
async function write({ query }, row, made) {
  const [now] = await query('select revoked_at, revoked_by from api_key where id = ? for update', [row.id]);
  const { revoked_at, revoked_by } = now ?? row;
  await query(
    `insert into api_key (id, token, salt, redacted, title, type, created_by, revoked_at, revoked_by)
      values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing`,
    [made.id, made.token, made.salt, made.redacted, made.title, row.type, row.created_by, revoked_at, revoked_by],
  );
  await query(
    `insert into portcullis_replaced (old_id, new_id, new_token, carried_at) values (?, ?, ?, now())
      on conflict (old_id) do update set new_id = excluded.new_id, new_token = excluded.new_token, carried_at = now()`,
    [row.id, made.id, row.type === 'publishable' ? made.token : null],
  );
  if (row.type === 'publishable') await query(LINKS('r.old_id = ?'), [row.id]);
  return now;
}

// `pksc_` and 26 characters, like Medusa's own link ids.
const LINKS = (which) => `insert into publishable_api_key_sales_channel (id, publishable_key_id, sales_channel_id)
  select 'pksc_' || upper(substr(md5(r.new_id || l.sales_channel_id), 1, 26)), r.new_id, l.sales_channel_id
  from portcullis_replaced r join publishable_api_key_sales_channel l on l.publishable_key_id = r.old_id
  where ${which} and l.deleted_at is null and r.new_id is not null and r.ended_at is null and r.new_id <> r.old_id
  on conflict do nothing`;

// Links that were added to the old keys after their migration.
const newLinks = ({ query }) => query(LINKS('l.created_at > r.carried_at'));

async function create(issuer, body, row, earlier, report) {
  const name = createHash('sha256').update(JSON.stringify([row.id, body])).digest('hex').slice(0, 40);
  // A killed run made this key. Its text is in its record or in the report.
  const token = earlier?.token ?? report.text(earlier?.id);
  if (token) return { key: earlier, token };
  const answer = await issuer.keys.create(body, { idempotencyKey: `medusa-${name}` });
  // A killed run made a key under an idempotency key that the issuer has forgotten since, so its
  // text is lost.
  if (earlier !== undefined && earlier.id !== answer.key.id) await issuer.keys.undo(earlier.id, { reason: 'its text was lost' });
  if (row.type === 'secret' && !answer.token.startsWith('sk_')) {
    await issuer.keys.undo(answer.key.id, { reason: 'Medusa takes no labelled secret key' });
    throw new UserError('The issuer puts a label before its keys, and Medusa takes only secret keys that begin with sk_; see docs/medusa.md', 1);
  }
  return answer;
}

async function revoke(issuer, id, at, by, reason) {
  const named = { ...(by ? { revoked_by: by } : {}), reason, if_revoked: 'skip' };
  const isLater = at.getTime() > Date.now() + EVERY;
  await issuer.keys.revoke(id, { ...named, ...(isLater ? { at: at.toISOString() } : {}) }).catch((error) => {
    if (error.code !== 'already_revoked' && error.code !== 'revocation_not_earlier') throw error;
  });
}

// The new keys whose rows were revoked in the dashboard of Medusa's own module since the migration.
function changedSince(old, known) {
  const isLater = ({ row, at }) => {
    const record = known.byId.get(row.new_id);
    return record !== undefined && (record.revoked_at === null || Date.parse(record.revoked_at) > at.getTime() + EVERY);
  };
  return old
    .filter(({ mirror_revoked_at }) => mirror_revoked_at !== null)
    .map((row) => ({ row, at: row.mirror_revoked_at }))
    .filter(isLater);
}

async function oldKeys(shop) {
  const rows = (await hasTable(shop))
    ? await shop.query(`select k.*, r.new_id, m.revoked_at as mirror_revoked_at, m.revoked_by as mirror_revoked_by
        from api_key k left join portcullis_replaced r on r.old_id = k.id left join api_key m on m.id = r.new_id
        where r.ended_at is null and not exists (select 1 from portcullis_replaced n where n.new_id = k.id) order by k.created_at, k.id`)
    : await shop.query('select k.*, null as new_id, null as mirror_revoked_at from api_key k order by k.created_at, k.id');
  const isThere = ({ deleted_at }) => deleted_at === null;
  return { old: rows.filter(isThere), left: rows.filter((row) => !isThere(row) && row.new_id === null) };
}

async function issuerKeys(issuer, { environment, owner }) {
  const [byId, marked] = [new Map(), new Map()];
  for await (const record of issuer.keys.list({ environment, purpose: 'token', limit: PAGE, ...(owner === undefined ? {} : { owner }) })) {
    byId.set(record.id, record);
    const mark = record.metadata?.[MARK];
    if (typeof mark === 'string') marked.set(mark, record);
  }
  return { byId, marked };
}

function bodyOf(row, { environment, owner, algorithm }) {
  return {
    title: titleOf(row),
    kind: row.type,
    environment,
    ...(owner === undefined ? {} : { owner }),
    ...(row.type === 'secret' ? { label: UNLABELLED } : {}),
    ...(row.type === 'secret' && algorithm !== undefined ? { algorithm } : {}),
    created_by: row.created_by.trim() === '' ? 'medusa' : row.created_by,
    metadata: { [MARK]: row.id },
  };
}

// Medusa accepts titles that the issuer doesn't.
function titleOf({ title }) {
  const plain = title.replaceAll(/\p{Cc}+/gu, ' ').trim();
  return Array.from(plain === '' ? UNTITLED : plain).slice(0, LONGEST_TITLE).join('');
}

function stateOf({ revoked_at }) {
  if (revoked_at === null) return 'active';
  return revoked_at.getTime() <= Date.now() ? 'revoked' : 'scheduled';
}

function summary(row) {
  const title = titleOf(row);
  return {
    old_id: row.id,
    old_redacted: row.redacted,
    title,
    ...(title === row.title ? {} : { title_before: row.title }),
    type: row.type,
    state: stateOf(row),
    created_by: row.created_by,
    ...(row.revoked_at === null ? {} : { revoked_at: row.revoked_at.toISOString() }),
  };
}

function described(row) {
  const { old_id, old_redacted, title, title_before, type, state } = summary(row);
  const renamed = title_before === undefined ? '' : ', whose title is changed to what the issuer takes';
  return `${old_id} ${old_redacted} ${type}, ${state}: ${JSON.stringify(title)}${renamed}`;
}
