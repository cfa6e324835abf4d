// Scopes (docs/policy.md): which grants cover the scopes that a request needs.

const SCOPE = /^[a-z0-9_.-]+(:[a-z0-9_.-]+)*$/;
const LONGEST = 255;

// Whether `scope` is a valid scope without wildcards. No grant covers any other text.
export function isScope(scope) {
  return typeof scope === 'string' && scope.length <= LONGEST && SCOPE.test(scope);
}

// Whether a grant covers a scope, segment by segment. `*` matches one segment, as the last segment
// one or more.
export function covers(grant, scope) {
  if (!isScope(scope)) return false;
  const held = grant.split(':');
  const needed = scope.split(':');
  const enough =
    needed.length === held.length || (held.at(-1) === '*' && needed.length > held.length);
  return enough && held.every((segment, at) => segment === '*' || segment === needed[at]);
}
