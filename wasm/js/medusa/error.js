// Turns the issuer's errors into Medusa's. Their `type` determines the HTTP status with which the
// shop answers.

import { MedusaError } from '@medusajs/framework/utils';
import { IssuerError } from '../issuer/error.js';
import { NOT_UNLABELLED } from './labels.js';
import { isAway } from './issuer-away.js';

const { Types } = MedusaError;
const TYPES = new Map([
  ['invalid_data', Types.INVALID_DATA],
  ['not_found', Types.NOT_FOUND],
  ['not_allowed', Types.NOT_ALLOWED],
  ['conflict', Types.NOT_ALLOWED],
  ['duplicate_error', Types.DUPLICATE_ERROR],
]);

export const invalid = (message) => new MedusaError(Types.INVALID_DATA, message);
export const notAllowed = (message) => new MedusaError(Types.NOT_ALLOWED, message);
export const notFound = (message) => new MedusaError(Types.NOT_FOUND, message);

export function unexpected(message, cause) {
  const medusaError = new MedusaError(Types.UNEXPECTED_STATE, `API keys: ${message}`);
  medusaError.cause = cause;
  return medusaError;
}

// If the issuer refuses the module's admin key, the shop's clients must not get a 401 or 403 for
// it.
export function toMedusaError(error) {
  if (!(error instanceof IssuerError)) return error;
  // The module only ever requests keys without a label.
  if (error.code === 'label_not_listed') return caused(notAllowed(`API keys: ${NOT_UNLABELLED}`), error);
  if (isAway(error) && error.problem === null) return unreached(error);
  const type = TYPES.get(error.kind);
  const refused = error.status === 401 || error.status === 403;
  const why = refused
    ? `the issuer refuses the module's admin key (${error.code}); give it one with the scopes that docs/medusa.md names`
    : error.message;
  const medusaError = new MedusaError(
    type ?? Types.UNEXPECTED_STATE,
    type === undefined ? `API keys: ${why}` : why,
  );
  return caused(medusaError, error);
}

function caused(medusaError, cause) {
  medusaError.cause = cause;
  return medusaError;
}

// Unless the error says that the change may have been made, nothing was sent or nothing arrived.
const unreached = (cause) =>
  unexpected(
    cause.maybeDone
      ? 'the issuer gave no answer, so it is not known whether this was done; try again: what was done is not done twice'
      : "the issuer can't be reached; nothing was changed; try again",
    cause,
  );

// Returns what `work` returns, and throws its errors as Medusa's.
export async function withMedusaErrors(work) {
  try {
    return await work();
  } catch (error) {
    throw toMedusaError(error);
  }
}
