// Runs one shared vector of assertions in any runtime. It runs twice, because the second time the
// signature is cached.

function bytes(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export async function verifyAssertion(createAssertionVerifier, vector) {
  const { root, audience } = vector;
  const verifier = createAssertionVerifier({ root, audience, keyring: bytes(vector.keyring) });
  const ask = async () => {
    const { message, ...verdict } = await verifier.verify(vector.assertion, { now: vector.now_ms });
    if (!verdict.ok && !(message?.length > 20)) throw new Error(`${verdict.code} says nothing`);
    return verdict;
  };
  const [first, second] = [await ask(), await ask()];
  if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error('the second verdict is another');
  return first;
}
