// `portcullis-medusa rollback`: brings the shop's table in line with the issuer, so that Medusa's
// own module can take over again. The old texts and those that `migrate` made work with it. Keys
// that were made since the switch don't, except publishable keys, which are copied because their
// texts are on record.

import { prepare } from './connect.js';
import { UserError } from './user-error.js';
import { redact } from '../old-tables.js';

const PAGE = 200;
const BY = 'portcullis-medusa rollback';
const DELETED = 'deleted';

export async function rollback({ shop, issuer, scope, print }) {
  const [{ there }] = await shop.query("select to_regclass('portcullis_replaced') is not null as there");
  if (!there) throw new UserError('Nothing was taken over in this database, so there is nothing to go back from', 1);
  // The old keys with their rows, and the rows of the keys that replace them.
  const pairs = await shop.query(`select r.old_id, r.new_id, o.id as old_row, o.revoked_at as old_revoked_at,
      m.id as new_row, m.revoked_at as new_revoked_at
    from portcullis_replaced r left join api_key o on o.id = r.old_id left join api_key m on m.id = r.new_id
    where r.new_id is not null and r.ended_at is null order by r.old_id`);
  if (pairs.length === 0) throw new UserError("The old keys were ended by `finish`, or there were none: Medusa's module would know no key", 1);
  // The issuer's records of all keys of the shop.
  const records = new Map();
  const { environment, owner } = scope;
  const filter = { environment, purpose: 'token', limit: PAGE, ...(owner === undefined ? {} : { owner }) };
  for await (const record of issuer.keys.list(filter)) records.set(record.id, record);
  // Keys that were made since the switch: publishable ones can be copied, secret ones are lost.
  const known = new Set(pairs.map(({ new_id }) => new_id));
  const since = [...records.values()].filter(({ id }) => !known.has(id));
  const now = Date.now();
  const isOver = (end) => end !== undefined && end.at.getTime() <= now;
  const publishable = since.filter(({ kind }) => kind === 'publishable').map((record) => ({ ...record, end: endOf(record, now) }));
  const copied = publishable.filter(({ end }) => !isOver(end));
  const lost = since.filter((record) => record.kind === 'secret' && !isOver(endOf(record, now)));
  // Keys that ended at the issuer, but whose rows don't say so yet.
  const ended = pairs.map((pair) => ({ ...pair, end: endOf(records.get(pair.new_id), now) })).filter(isNews);

  for (const { id, title, created_by } of lost) print(`lost, since Medusa's module can't know its text: ${id} ${JSON.stringify(title)}, made by ${created_by}`);
  for (const { id, title } of copied) print(`is copied: ${id} ${JSON.stringify(title)}`);
  for (const { old_id, new_id, end } of ended) print(`is revoked, as it is at the issuer: ${old_id} and ${new_id}, from ${end.at.toISOString()}`);
  print(`${pairs.length} keys go on in both texts, but for ${ended.length} that are revoked; ${copied.length} publishable keys are copied; ${lost.length} secret keys are lost`);
  const named = ({ id, title }) => ({ id, title });
  const shown = {
    kept: pairs.length - ended.length,
    revoked: ended.map(({ old_id, new_id }) => ({ old_id, new_id })),
    copied: copied.map(named),
    lost: lost.map(named),
  };
  const apply = () => write(shop, { copied, ended }, print);
  return { shown, apply, question: "Make the shop's table ready for Medusa's module?" };
}

async function write(shop, { copied, ended }, print) {
  await prepare(shop);
  await shop.transaction(async () => {
    for (const { old_id, new_id, end } of ended) {
      await shop.query(
        'update api_key set revoked_at = ?, revoked_by = ?, updated_at = now() where id in (?, ?) and (revoked_at is null or revoked_at > ?)',
        [end.at, end.by, old_id, new_id, end.at],
      );
    }
    for (const { id, token, title, created_by, end } of copied) {
      await shop.query(
        `insert into api_key (id, token, salt, redacted, title, type, created_by, revoked_at, revoked_by)
          values (?, ?, '', ?, ?, 'publishable', ?, ?, ?) on conflict do nothing`,
        [id, token, redact(token), title, created_by ?? 'medusa', end?.at ?? null, end?.by ?? null],
      );
      // The key keeps its id and text on both sides.
      await shop.query('insert into portcullis_replaced (old_id, new_id, new_token, carried_at) values (?, ?, ?, now()) on conflict do nothing', [id, id, token]);
    }
    // The links become those that the dashboard showed last.
    await shop.query(
      `delete from publishable_api_key_sales_channel l using portcullis_replaced r where l.publishable_key_id = r.old_id
        and r.ended_at is null and r.new_id <> r.old_id and r.new_token is not null and exists (select 1 from api_key k where k.id = r.new_id)`,
    );
    await shop.query(
      `insert into publishable_api_key_sales_channel (id, publishable_key_id, sales_channel_id)
        select 'pksc_' || upper(substr(md5(r.old_id || l.sales_channel_id), 1, 26)), r.old_id, l.sales_channel_id
        from portcullis_replaced r join publishable_api_key_sales_channel l on l.publishable_key_id = r.new_id
        where l.deleted_at is null and r.ended_at is null and r.new_id <> r.old_id on conflict do nothing`,
    );
  });
  print("Done. Put Medusa's module back in medusa-config, deploy, and run this again for what changed meanwhile");
  return {};
}

// The instant from which the issuer refuses the key; undefined if it doesn't. Medusa's module has
// no suspension, so a suspended key counts as ended.
function endOf(record, now) {
  if (record === undefined) return { at: new Date(now), by: DELETED };
  if (record.state === 'suspended') return { at: new Date(record.suspended_at ?? now), by: record.suspended_by ?? BY };
  const ends = [
    { at: record.revoked_at, by: record.revoked_by ?? BY },
    { at: record.expires_at, by: BY },
  ].filter(({ at }) => at != null);
  const [first] = ends.map(({ at, by }) => ({ at: new Date(at), by })).toSorted((one, other) => one.at - other.at);
  return first;
}

function isNews({ end, old_row, old_revoked_at, new_row, new_revoked_at }) {
  if (end === undefined) return false;
  const isLater = (row, at) => row !== null && (at === null || at > end.at);
  return isLater(old_row, old_revoked_at) || isLater(new_row, new_revoked_at);
}
