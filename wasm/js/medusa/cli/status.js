// `portcullis-medusa status`: which old keys are still in use.

import { hasTable } from './connect.js';

export async function status({ shop, print }) {
  const keys = (await read(shop)).map((row) => ({
    old_id: row.id,
    old_redacted: row.redacted,
    title: row.title,
    type: row.type,
    state: row.ended_at !== null ? 'ended' : stateOf(row),
    uses: Number(row.uses),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    replaced_by: row.new_id,
  }));
  for (const key of keys) print(described(key));
  const used = keys.filter(({ uses, state }) => uses > 0 && state !== 'ended');
  const open = keys.filter(({ replaced_by, state }) => replaced_by === null && state !== 'revoked');
  print(`${keys.length} old keys, ${used.length} of them were used since the switch`);
  if (open.length > 0) print(`${open.length} have nothing to replace them yet: run portcullis-medusa migrate`);
  return { shown: { keys } };
}

// The most recently used keys come first.
async function read(shop) {
  if (!(await hasTable(shop))) {
    return shop.query(`select k.id, k.redacted, k.title, k.type, k.revoked_at, 0 as uses, null as last_used_at, null as new_id, null as ended_at
      from api_key k where k.deleted_at is null order by k.created_at, k.id`);
  }
  return shop.query(`select k.id, k.redacted, k.title, k.type, k.revoked_at, coalesce(r.uses, 0) as uses, r.last_used_at, r.new_id, r.ended_at
    from api_key k left join portcullis_replaced r on r.old_id = k.id
    where k.deleted_at is null and not exists (select 1 from portcullis_replaced m where m.new_id = k.id)
    order by r.last_used_at desc nulls last, k.created_at, k.id`);
}

function stateOf({ revoked_at }) {
  if (revoked_at === null) return 'active';
  return revoked_at.getTime() <= Date.now() ? 'revoked' : 'scheduled';
}

function described({ old_id, old_redacted, title, type, state, uses, last_used_at, replaced_by }) {
  const used = uses === 0 ? 'never used since the switch' : `${uses} uses, the last at ${last_used_at}`;
  return `${old_id} ${old_redacted} ${type}, ${state}, ${used}, ${replaced_by === null ? 'not replaced yet' : `replaced by ${replaced_by}`}: ${JSON.stringify(title)}`;
}
