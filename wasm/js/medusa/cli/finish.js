// `portcullis-medusa finish`: ends the old keys for good. It deletes their links, and the rows of
// new keys in Medusa's own table. The old rows stay, revoked.

import { hasTable, prepare } from './connect.js';
import { UserError } from './user-error.js';
import { status } from './status.js';

const NAME = 'portcullis-medusa finish';

export async function finish({ shop, print }) {
  // Before the migration, this would end all keys of the shop.
  if (!(await hasTable(shop))) throw new UserError('Nothing was taken over in this database, so there is nothing to finish', 1);
  const { shown } = await status({ shop, print: () => {} });
  const ending = shown.keys.filter(({ state }) => state !== 'ended');
  const live = ending.filter(({ state }) => state !== 'revoked');
  const open = live.filter(({ replaced_by }) => replaced_by === null);
  for (const { old_id, title, uses, last_used_at } of live) {
    print(`ends: ${old_id} ${JSON.stringify(title)}, ${uses === 0 ? 'never used since the switch' : `last used at ${last_used_at}`}`);
  }
  if (open.length > 0) {
    throw new UserError(`${open.map(({ old_id }) => old_id).join(', ')}: nothing replaces these yet. Run portcullis-medusa migrate, or revoke them, and finish then`, 1);
  }
  print(`${live.length} old keys end for good, and Medusa's own module can't be gone back to with them`);
  return { shown: { ends: live.map(({ old_id }) => old_id) }, apply: () => end(shop, print), question: `End ${live.length} old keys for good?` };
}

async function end(shop, print) {
  await prepare(shop);
  const removed = await shop.transaction(async () => {
    const links = await shop.query(
      `delete from publishable_api_key_sales_channel l using api_key k where l.publishable_key_id = k.id
        and not exists (select 1 from portcullis_replaced m where m.new_id = k.id) returning l.id`,
    );
    // Links of old keys that were deleted in the meantime.
    const more = await shop.query(
      `delete from publishable_api_key_sales_channel l using portcullis_replaced r
        where l.publishable_key_id = r.old_id and r.new_id is distinct from r.old_id returning l.id`,
    );
    const rows = await shop.query('delete from api_key k using portcullis_replaced r where r.new_id = k.id returning k.id');
    await shop.query('update api_key set revoked_at = now(), revoked_by = ?, updated_at = now() where revoked_at is null or revoked_at > now()', [NAME]);
    await shop.query('insert into portcullis_replaced (old_id) select id from api_key on conflict do nothing');
    await shop.query('update portcullis_replaced set ended_at = now() where ended_at is null');
    return { links_removed: links.length + more.length, rows_removed: rows.length };
  });
  print(`Done: ${removed.links_removed} links and ${removed.rows_removed} rows are gone. Take \`fallback\` out of the module's options`);
  return removed;
}
