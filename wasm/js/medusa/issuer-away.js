// Whether an error means that the issuer is away: it gave no answer, or answered that it can't work
// at the moment.

import { IssuerError } from '../issuer/error.js';

export function isAway(error) {
  if (!(error instanceof IssuerError)) return false;
  return error.status === null ? error.code === 'unreachable' || error.code === 'timeout' : error.status >= 500;
}
