// Which keys Medusa takes. Its middleware looks only at texts that begin with `sk_`, so a secret key with
// an issuer's label in front (`acme_sk_live_…`) opens nothing. Publishable keys are looked up as they are.

import { createIssuer } from './issuer.js';
import { settings } from './medusa-options.js';

/** The label of every secret key that the module asks for: none. */
export const UNLABELLED = '';

const COMMAND = 'portcullis keyring labels --add-unlabelled';
// A start waits for no more than one attempt of this length: without an answer nothing is known.
const PATIENCE_MS = 2_000;

/** What is told where the issuer makes no secret keys that Medusa takes. */
export const NOT_UNLABELLED =
  "the issuer's keyring allows no keys without a label, and Medusa takes no secret key that does not begin " +
  `with sk_. Where the issuer's root key is, run: ${COMMAND}`;

// A loader: what it throws ends the start of the application. Medusa swallows what a hook throws.
export async function refuseLabelled({ options, logger }) {
  let client;
  try {
    ({ client } = settings(options));
  } catch {
    // The service tells of it.
    return;
  }
  const timeout = Math.min(client.timeout ?? PATIENCE_MS, PATIENCE_MS);
  const labels = await labelsOf(createIssuer({ ...client, timeout, retries: 0 }));
  if (labels === undefined || labels.includes(UNLABELLED)) return;
  const listed = labels.map((label) => `"${label}"`).join(', ');
  const message = `portcullis/medusa: ${NOT_UNLABELLED} (its labels are ${listed})`;
  logger?.error?.(message);
  throw new Error(message);
}

// Undefined where the issuer does not say: it may be away, or too old to be asked.
async function labelsOf(issuer) {
  try {
    const { labels } = await issuer.keyring.labels();
    return Array.isArray(labels) && labels.length > 0 ? labels : undefined;
  } catch {
    return undefined;
  }
}
