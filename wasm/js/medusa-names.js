// Whose names Medusa reads on a key: those that the shop gave. Its Admin looks each up among the shop's
// users, and shows an error in place of the key's page if there is no such user. Nobody is shown as `-`.

// What the issuer is told when Medusa names nobody: every record of the issuer's says who made the key.
export const NOBODY = 'medusa';

// Who works at the issuer's own machine and names nobody, such as `root@keys`.
const AT_THE_ISSUER = /^[^@\s]+@[^@\s]+$/;

// The issuer notes as `maker` who made the key, and shows the same if the caller named nobody.
export function createdBy({ created_by: name, maker }) {
  return name === null || name === undefined || name === NOBODY || name === maker ? '' : name;
}

export function revokedBy(name) {
  return name === null || AT_THE_ISSUER.test(name) ? null : name;
}
