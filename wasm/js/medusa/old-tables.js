// The tables that Medusa's own API Key Module leaves in a shop: its keys in `api_key`, their sales
// channels in `publishable_api_key_sales_channel`; and `portcullis_replaced`, which maps each old
// key to the issuer's key that replaces it.
//
// During the migration, `api_key` also has a row for each new key, so that processes that still run
// Medusa's module accept both. These rows are not old keys; they are the ones that
// `portcullis_replaced.new_id` lists.

// A migration of the module. The command applies it as well, whichever runs first.
export const REPLACED = {
  name: 'Portcullis20261130061500Replaced',
  up: [
    `create table if not exists portcullis_replaced (
      old_id text primary key,
      new_id text unique,
      new_token text,
      carried_at timestamptz,
      uses bigint not null default 0,
      first_used_at timestamptz,
      last_used_at timestamptz,
      ended_at timestamptz
    )`,
  ],
  down: ['drop table if exists portcullis_replaced'],
};

const NO_TABLE = '42P01';
const COLUMNS = `k.id, k.token, k.salt, k.redacted, k.title, k.type, k.last_used_at, k.created_by, k.revoked_by,
  k.revoked_at, k.created_at, k.updated_at, k.deleted_at, r.new_id, r.new_token`;
const OLD = `from api_key k left join portcullis_replaced r on r.old_id = k.id
  where not exists (select 1 from portcullis_replaced m where m.new_id = k.id)`;

export class OldTables {
  #query;

  // `query(sql, values)` resolves to rows; `values` replace the `?`.
  constructor(query) {
    this.#query = query;
  }

  // The rows that may belong to a secret text, found by its redacted form.
  secrets(redacted, now) {
    return this.#ask(
      `select ${COLUMNS} ${OLD} and k.type = 'secret' and k.redacted = ? and k.deleted_at is null
        and (k.revoked_at is null or k.revoked_at > ?)`,
      [redacted, now],
    );
  }

  async publishable(token) {
    const rows = await this.#ask(
      `select ${COLUMNS} ${OLD} and k.type = 'publishable' and k.token = ? and k.deleted_at is null`,
      [token],
    );
    return rows[0];
  }

  byIds(ids) {
    return this.#ask(`select ${COLUMNS} ${OLD} and k.id = any(?) order by k.created_at, k.id`, [ids]);
  }

  // A revocation never moves to a later time.
  revoke(ids, { at, by }) {
    return this.#ask(
      `update api_key set revoked_at = ?, revoked_by = ?, updated_at = now()
        where id = any(?) and (revoked_at is null or revoked_at > ?) returning id`,
      [at, by, ids, at],
    );
  }

  // Revokes the rows of ended new keys, and the old keys that they replace.
  end(newIds, { at, by }) {
    return this.#ask(
      `update api_key set revoked_at = ?, revoked_by = ?, updated_at = now()
        where (id = any(?) or id in (select old_id from portcullis_replaced where new_id = any(?)))
        and (revoked_at is null or revoked_at > ?) returning id`,
      [at, by, newIds, newIds, at],
    );
  }

  remove(ids) {
    return this.#ask('delete from api_key where id = any(?)', [ids]);
  }

  // Adds uses to the counts: `[{ id, uses, first, last }]`.
  async count(uses) {
    if (uses.length === 0) return;
    const values = uses.map(() => '(?::text, ?::bigint, ?::timestamptz, ?::timestamptz)').join(', ');
    await this.#ask(
      `insert into portcullis_replaced as r (old_id, uses, first_used_at, last_used_at) values ${values}
        on conflict (old_id) do update set uses = r.uses + excluded.uses,
        first_used_at = coalesce(r.first_used_at, excluded.first_used_at),
        last_used_at = greatest(r.last_used_at, excluded.last_used_at)`,
      uses.flatMap(({ id, uses: many, first, last }) => [id, many, first, last]),
    );
  }

  async #ask(sql, values) {
    try {
      return await this.#query(sql, values);
    } catch (error) {
      throw error?.code === NO_TABLE ? missingTable(error) : error;
    }
  }
}

function missingTable(error) {
  const what = /"([^"]+)"/.exec(error.message)?.[1] ?? 'a table';
  const missing = new Error(`the shop's database has no table "${what}"; run \`npx medusa db:migrate\` and \`npx portcullis-medusa migrate\``);
  missing.cause = error;
  return missing;
}

// The redacted form in which Medusa's own module shows a key, and finds it. The issuer has another.
export const redact = (text) => `${text.slice(0, 6)}***${text.slice(-3)}`;
