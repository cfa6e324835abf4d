// Lists keys as Medusa needs them: any filter, any order, `skip` and `take`.

import { compare, meets, queriesFor } from './filter.js';
import { FIELDS, isSoftDeleted, toMedusa } from './row.js';
import { invalid } from './error.js';
import { own } from '../shared/property.js';

const LARGEST_PAGE = 200;
// The orders that the issuer supports.
const ORDERS = { created_at: 'created', updated_at: 'updated', title: 'title' };

export class IssuerLister {
  #issuer;
  #scope;

  constructor(issuer, scope) {
    this.#issuer = issuer;
    this.#scope = scope;
  }

  // Returns `records`; with `counted` also how many there are without `skip` and `take`.
  async list(filters, config, counted = false) {
    const { from, most, order, withDeleted } = readConfig(config);
    const { queries, exact } = queriesFor(filters);
    const { name, sort } = ordering(order);
    const streamed = queries.length === 1 && sort === null;
    const meetsAll = (record) =>
      (withDeleted || !isSoftDeleted(record)) && (exact || meets(toMedusa(record), filters));

    const records = [];
    // If all of them have to be read anyway, count them on the way.
    const enough = streamed && (exact || !counted) ? from + most : Infinity;
    for (const query of queries) {
      if (records.length >= enough) break;
      for await (const record of this.#read(query, name, enough)) {
        if (meetsAll(record) && records.push(record) >= enough) break;
      }
    }
    if (sort !== null) records.sort(sort);
    const page = records.slice(from, from + most);
    if (!counted) return { records: page, count: null };
    const all = enough === Infinity ? records.length : await this.#count(queries, withDeleted);
    return { records: page, count: all };
  }

  #read(query, order, enough) {
    const limit = Math.max(1, Math.min(LARGEST_PAGE, enough));
    return this.#issuer.keys.list({ ...this.#scope, ...query, order, limit });
  }

  async #count(queries, withDeleted) {
    let all = 0;
    for (const query of queries) {
      const { count } = await this.#issuer.keys
        .list({ ...this.#scope, ...query, limit: 1, count: true })
        .page();
      all += count;
      if (withDeleted) continue;
      const suspended = this.#issuer.keys.list({
        ...this.#scope,
        ...query,
        state: 'suspended',
        limit: LARGEST_PAGE,
      });
      for await (const record of suspended) if (isSoftDeleted(record)) all -= 1;
    }
    return all;
  }
}

// Lists from records that are at hand, oldest first.
export function listRecords(all, filters, config, counted = false) {
  const { from, most, order, withDeleted } = readConfig(config);
  // Refuse unknown filters even if there are no records.
  queriesFor(filters);
  const records = all.filter((record) => (withDeleted || !isSoftDeleted(record)) && meets(toMedusa(record), filters));
  const rules = rulesOf(order);
  // Sorting keeps the order of equal records, so reverse them first if the newest come first.
  if (rules[0]?.[1] < 0) records.reverse();
  if (rules.length > 0) records.sort(sorting(rules));
  return { records: records.slice(from, from + most), count: counted ? records.length : null };
}

function readConfig(config) {
  const { skip, take, order, withDeleted = false, __internal } = own(config);
  // Filtering by joins is impossible. Ignoring them would return a longer list than requested.
  if (Object.values(__internal ?? {}).some((joins) => joins?.length > 0)) {
    throw invalid("API keys can't be filtered or ordered in SQL by what is linked to them");
  }
  for (const [name, value] of Object.entries({ skip, take })) {
    if (value < 0) throw invalid(`${name} is a number of API keys, not ${value}`);
  }
  const from = Number.isSafeInteger(skip) ? skip : 0;
  const most = Number.isSafeInteger(take) ? take : Infinity;
  return { from, most, order, withDeleted };
}

// The order to request from the issuer, and the sorting that is left to do here.
function ordering(order) {
  const rules = rulesOf(order);
  if (rules.length === 0) return { name: 'created', sort: null };
  const [[field, sign]] = rules;
  if (rules.length === 1 && ORDERS[field] !== undefined) {
    return { name: `${sign < 0 ? '-' : ''}${ORDERS[field]}`, sort: null };
  }
  return { name: 'created', sort: sorting(rules) };
}

const rulesOf = (order) => Object.entries(order ?? {}).map(([field, direction]) => [field, signOf(field, direction)]);

const sorting = (rules) => (one, other) => {
  const [a, b] = [toMedusa(one), toMedusa(other)];
  for (const [name, sign] of rules) {
    const apart = nullsLast(a[name], b[name]) || compare(a[name], b[name]) || 0;
    if (apart !== 0) return sign * apart;
  }
  return 0;
};

// As in PostgreSQL, null sorts above everything.
const nullsLast = (a, b) => Number(a === null) - Number(b === null);

function signOf(field, direction) {
  if (!FIELDS.includes(field)) throw invalid(`API keys have no field "${field}" to be ordered by`);
  const text = String(direction).toLowerCase();
  if (text === 'asc' || text === '1') return 1;
  if (text === 'desc' || text === '-1') return -1;
  throw invalid(`API keys are ordered by ${field} ASC or DESC, not "${direction}"`);
}
