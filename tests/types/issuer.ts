// Compiled, never run: what the types of `portcullis/issuer` allow and refuse.

import { createIssuer, IssuerError, type KeyRecord, type KeyState } from 'portcullis/issuer';

const issuer = createIssuer({ url: 'https://keys.example.com', adminKey: async () => 'key', retries: 1 });

export async function life(): Promise<string> {
  const { key, token } = await issuer.keys.create({ title: 'a', kind: 'secret', expires_in_seconds: 60 });
  const many = await issuer.keys.create([{ title: 'a' }, { title: 'b', metadata: { team: 1 } }], { idempotencyKey: 'x' });
  const ids: string[] = many.map((one) => one.key.id);
  // @ts-expect-error: a kind is one of two
  await issuer.keys.create({ title: 'a', kind: 'sk' });
  // @ts-expect-error: a key has a title
  await issuer.keys.create({ kind: 'secret' });

  const state: KeyState = key.state;
  const by: string | null = key.revoked_by;
  const channels: string[] | undefined = key.sales_channels;
  // @ts-expect-error: only publishable keys have a text on record
  const text: string = key.token;
  for await (const one of issuer.keys.list({ state: 'active', id: ids, order: '-created', count: true })) show(one);
  // @ts-expect-error: an order is one of six
  issuer.keys.list({ order: 'colour' });
  const { items, count } = await issuer.keys.list().page();

  const revoked = await issuer.keys.revoke(key.id, { in_seconds: 5, wait: 10 });
  if (revoked.published) console.log(revoked.list?.number, revoked.everywhere, revoked.targets?.[0]?.visible);
  await issuer.keys.revokeMany({ ids, revoked_by: 'me' });
  await issuer.keys.revokeMany({ where: { owner: 7 } });
  // @ts-expect-error: nothing said never means every key
  await issuer.keys.revokeMany({ revoked_by: 'me' });
  await issuer.keys.upsert([{ id: key.id, title: 'b' }, { title: 'c' }]);
  const undone: true = (await issuer.keys.undo(key.id)).deleted;

  const verdict = await issuer.verify(token, { environment: 'live' });
  const said: string = verdict.ok ? verdict.key.environment : verdict.code;
  const strict = await issuer.keys.authenticate(token);
  if (strict.ok) show(strict.key);

  await issuer.owners.update(1, { external_id: null });
  await issuer.policies.create({ name: 'p', visibility: 'private', scopes: ['a:b'] });
  // @ts-expect-error: the visibility of a policy can't be changed
  await issuer.policies.update(1, { visibility: 'public' });
  const [entry] = await issuer.bulkRevocations.list();
  const serials: [number, number] | undefined = entry?.serials;
  for await (const event of issuer.events.follow({ after: 0 })) console.log(event.id.toFixed(), event.type);
  const signer = (await issuer.keyring.show()).signers[0];
  const labels: string[] = (await issuer.keyring.labels()).labels;
  const word: string = (await issuer.keys.create({ title: 'd', label: labels[0] ?? '' })).key.label;
  console.log(state, by, channels, text, items, count, undone, serials, signer?.purpose === 'list', word);
  return said;
}

export function next(error: unknown): 'wait' | 'stop' {
  if (!(error instanceof IssuerError)) throw error;
  const status: number | null = error.status;
  switch (error.code) {
    case 'unreachable': case 'timeout': case 'shard_full': return 'wait';
    default: return status === 503 && !error.maybeDone ? 'wait' : 'stop';
  }
}

function show(key: KeyRecord): void {
  console.log(key.id, key.title, key.kind satisfies 'secret' | 'publishable');
}
