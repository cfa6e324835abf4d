// Sentences for the codes. `open` is neither accepted nor refused: this page can't decide.

const broken = (why) => ['refused', 'Not a key', why];
const refused = (title, why) => ['refused', title, why];
const open = (title, why) => ['open', title, why];

export const VERDICTS = {
  malformed_too_long: broken('It is longer than any key. Was something pasted twice?'),
  malformed_character: broken('Keys hold only letters, digits and underscores. Look for spaces, quotes or line breaks.'),
  malformed_prefix: broken('Keys start with pk_live_, pk_test_, sk_live_ or sk_test_, admin keys with ak_live_, or with a label before that.'),
  malformed_length: broken('Its length is wrong so far. It may have been cut when it was copied.'),
  malformed_overflow: broken('No key spells such a number. It was mistyped.'),
  malformed_checksum: broken('Its checksum is wrong: a character was mistyped or lost.'),
  malformed_version: broken('It is of a version that this page does not know.'),
  malformed_fields: broken('Its parts contradict each other. It was put together by hand.'),
  foreign_label: refused('Refused', 'Its label is not one that this issuer uses. It may be another issuer’s key.'),
  unknown_kid: refused('Refused', 'This issuer lists no signer of that number. It may be another issuer’s key.'),
  signer_not_allowed: refused('Refused', 'Its signer may not sign such keys, or no longer. Admin keys (ak_…) are for the issuer’s API alone.'),
  bad_signature: refused('Refused', 'Its signature is wrong. It was altered or forged, or it is another issuer’s key.'),
  foreign_list: refused('Refused', 'The list at hand is another issuer’s.'),
  revoked: refused('Revoked', 'It was good once. Its issuer has revoked it.'),
  suspended: refused('Suspended', 'Its issuer has suspended it, and may lift that again.'),
  expired: refused('Expired', 'It was good until its expiry date.'),
  assignment_missing: refused('Refused', 'Its issuer changed something for it, and the list lacks what.'),
  assignment_not_allowed: refused('Refused', 'Its issuer’s list changes for it what it may not change.'),
  wrong_kind: refused('Refused', 'It is of the other kind.'),
  wrong_environment: refused('Refused', 'It is for the other environment.'),
  secret_not_held: open('Can’t be verified here', 'This is an HMAC key. Only its issuer’s own gates hold the secret that proves it, and only they can verify it.'),
  assignment_unavailable: open('Can’t be verified here', 'Its issuer changed something for it, and the file that says what is not at hand.'),
  assignment_too_new: open('Can’t be verified here', 'Its issuer changed something for it that this page doesn’t know yet.'),
  not_covered: open('Can’t be verified yet', 'It is newer than the list at hand. The next list may cover it.'),
  list_missing: open('Can’t be verified now', 'There is no revocation list at hand, and without one every key is refused.'),
  list_past_next_update: open('Can’t be verified now', 'The list at hand is too old, and by an old list every key is refused.'),
  list_from_the_future: open('Can’t be verified now', 'The list is dated in the future. Is this computer’s clock right?'),
  keyring_expired: open('Can’t be verified now', 'The issuer’s keyring has expired. It must sign a new one.'),
};

export const EMPTY = ['empty', 'No key yet', 'Paste a key, or type one: the verdict follows every character.'];

// State, title and sentence for a verdict.
export function sayVerdict(verdict) {
  if (verdict.ok) {
    return ['accepted', 'Accepted', 'It is authentic, not revoked and not expired.'];
  }
  return VERDICTS[verdict.code] ?? ['refused', 'Refused', sentence(verdict.message)];
}

export const TROUBLES = {
  source_unreachable: 'The issuer can’t be reached. Is it running, and does it let this page read its list?',
  source_timeout: 'The issuer does not answer.',
  source_too_large: 'What answers there is not an issuer: its files are too large.',
  source_status: 'What answers there has no revocation list. Is this the issuer’s address?',
  keyring_not_signed_by_root: 'Wrong root: the keyring that this issuer serves is not signed by the root key pinned here.',
  keyring_unreadable: 'What answers there is not an issuer: its keyring can’t be read.',
  list_unreadable: 'What answers there is not an issuer: its list can’t be read.',
  list_too_new: 'The issuer is newer than this page: its list says something that is not known here.',
  list_past_next_update: 'The issuer serves a list that is past its next update. Has it stopped publishing?',
  list_rollback: 'The issuer serves an older list than the one held here. It was not taken.',
  list_equivocation: 'The issuer signed two lists that contradict each other. Report this.',
  keyring_equivocation: 'The root signed two keyrings that contradict each other. Report this.',
  list_from_the_future: 'The list is dated in the future. Is this computer’s clock right?',
  root_unreadable: 'The root key is not 43 characters of base64url.',
  root_not_canonical: 'The root key names no key.',
  root_small_order: 'The root key proves nothing: it is one of the weak ones.',
};

// A sentence for an error of the package.
export function sayTrouble(error) {
  if (error.status !== undefined && error.status !== 404) return `The issuer answers with status ${error.status}.`;
  return TROUBLES[error.code] ?? sentence(error.message);
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
