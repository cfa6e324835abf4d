// Refuses issuers whose secret keys Medusa can't take. Medusa's middleware considers only texts
// that begin with `sk_`, so a secret key with the issuer's label in front (`acme_sk_live_…`) never
// works. Publishable keys are looked up as they are.

import { createIssuer } from '../issuer/client.js';
import { settings } from './options.js';

/** The label of every secret key that the module creates: none. */
export const UNLABELLED = '';

const COMMAND = 'portcullis keyring labels --add-unlabelled';
// The timeout of the one attempt at start-up. Without an answer, the labels are unknown and the
// start goes on.
const START_TIMEOUT_MS = 2_000;

/** The message if the issuer makes no secret keys that Medusa takes. */
export const NOT_UNLABELLED =
  "the issuer's keyring allows no keys without a label, and Medusa takes no secret key that does not begin " +
  `with sk_. Where the issuer's root key is, run: ${COMMAND}`;

// A loader: if it throws, the application doesn't start. Medusa swallows the errors of hooks.
export async function refuseLabelled({ options, logger }) {
  let client;
  try {
    ({ client } = settings(options));
  } catch {
    // The service reports the invalid options.
    return;
  }
  const timeout = Math.min(client.timeout ?? START_TIMEOUT_MS, START_TIMEOUT_MS);
  const labels = await labelsOf(createIssuer({ ...client, timeout, retries: 0 }));
  if (labels === undefined || labels.includes(UNLABELLED)) return;
  const listed = labels.map((label) => `"${label}"`).join(', ');
  const message = `portcullis/medusa: ${NOT_UNLABELLED} (its labels are ${listed})`;
  logger?.error?.(message);
  throw new Error(message);
}

// Undefined if the issuer doesn't say: it may be away, or too old to have this call.
async function labelsOf(issuer) {
  try {
    const { labels } = await issuer.keyring.labels();
    return Array.isArray(labels) && labels.length > 0 ? labels : undefined;
  } catch {
    return undefined;
  }
}
