// Scopes (docs/policy.md): what a request needs, and which grants cover it.

const SCOPE = /^[a-z0-9_.-]+(:[a-z0-9_.-]+)*$/;
const LONGEST = 255;

// Whether `scope` is one that a request may need: nothing covers any other text.
export function isScope(scope) {
  return typeof scope === 'string' && scope.length <= LONGEST && SCOPE.test(scope);
}

// Whether a grant covers a scope, segment by segment. `*` stands for one segment, as the last for
// one or more.
export function covers(grant, scope) {
  if (!isScope(scope)) return false;
  const held = grant.split(':');
  const needed = scope.split(':');
  const enough =
    needed.length === held.length || (held.at(-1) === '*' && needed.length > held.length);
  return enough && held.every((segment, at) => segment === '*' || segment === needed[at]);
}
