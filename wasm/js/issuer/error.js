// The error that the issuer's client throws. It holds no secrets: the issuer's problem documents
// contain no values, and neither the admin key nor bodies are kept here.

import { own } from '../shared/property.js';

export class IssuerError extends Error {
  constructor(code, message, how) {
    const { status = null, problem = null, retryAfter = null, attempts = 1, cause } = own(how);
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'IssuerError';
    this.code = code;
    this.status = status;
    this.kind = problem?.kind ?? null;
    this.problem = problem;
    this.retryAfter = retryAfter;
    this.attempts = attempts;
    this.maybeDone = false;
  }
}

// Makes an error of an unsuccessful response.
export async function refused(response, attempts) {
  const { status } = response;
  const retryAfter = waitAsked(response.headers.get('retry-after'));
  const problem = await readProblem(response);
  if (problem === null) {
    const what =
      status === 0 || (status >= 300 && status < 400) ? 'redirects elsewhere' : `answered ${status}`;
    const message = `this is not how an issuer answers: the address ${what} without a problem document; check \`url\``;
    return new IssuerError('unexpected_answer', message, { status, retryAfter, attempts });
  }
  return new IssuerError(problem.code, problem.detail, { status, problem, retryAfter, attempts });
}

async function readProblem(response) {
  const kind = response.headers.get('content-type') ?? '';
  if (!kind.startsWith('application/problem+json')) {
    // An unread body would keep the connection open.
    response.body?.cancel().catch(() => {});
    return null;
  }
  const problem = await response.json().catch(() => null);
  const whole = typeof problem?.code === 'string' && typeof problem.detail === 'string';
  return whole ? problem : null;
}

// `Retry-After` in milliseconds. The header holds seconds or a date (RFC 9110, section 10.2.3).
function waitAsked(value) {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
