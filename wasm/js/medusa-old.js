// The tables of a shop that Medusa's own API Key Module left: its keys in `api_key`, their sales channels in
// `publishable_api_key_sales_channel`, and in `portcullis_replaced` which key of the issuer replaces which.
//
// While a shop changes over, `api_key` has a row for each new key as well, so that processes which still run
// Medusa's module take both. Those rows are no old keys: `portcullis_replaced.new_id` tells them apart.

// A migration of the module's, which the command makes as well: whichever is first.
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

  // `query(sql, values)` gives rows; values stand for `?`.
  constructor(query) {
    this.#query = query;
  }

  // Of those that a secret text can be, told by the form in which it may be shown.
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

  // A revocation never moves later.
  revoke(ids, { at, by }) {
    return this.#ask(
      `update api_key set revoked_at = ?, revoked_by = ?, updated_at = now()
        where id = any(?) and (revoked_at is null or revoked_at > ?) returning id`,
      [at, by, ids, at],
    );
  }

  // What replaces old keys ends: so do the old ones, and the row that stands for the new one.
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

  // Adds up uses: `[{ id, uses, first, last }]`.
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
      throw error?.code === NO_TABLE ? lacking(error) : error;
    }
  }
}

function lacking(error) {
  const what = /"([^"]+)"/.exec(error.message)?.[1] ?? 'a table';
  const told = new Error(`the shop's database has no table "${what}"; run \`npx medusa db:migrate\` and \`npx portcullis-medusa migrate\``);
  told.cause = error;
  return told;
}

// The form in which Medusa's module shows a key.
export const redact = (text) => `${text.slice(0, 6)}***${text.slice(-3)}`;
