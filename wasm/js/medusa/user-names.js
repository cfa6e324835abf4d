// Which names Medusa sees on a key: only those that the shop itself gave. Medusa Admin looks up
// each name among the shop's users, and shows an error in place of the key's page if there is no
// such user. An empty name is shown as `-`.

// Sent to the issuer if Medusa gives no name, because every record of the issuer names the key's
// creator.
export const UNNAMED = 'medusa';

// The name that the issuer records for work on its own machine if none was given, such as
// `root@keys`.
const AT_THE_ISSUER = /^[^@\s]+@[^@\s]+$/;

// The issuer records the key's creator as `maker`, and uses the same as `created_by` if the caller
// gave no name.
export function createdBy({ created_by: name, maker }) {
  return name === null || name === undefined || name === UNNAMED || name === maker ? '' : name;
}

export function revokedBy(name) {
  return name === null || AT_THE_ISSUER.test(name) ? null : name;
}
