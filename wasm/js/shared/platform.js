// Settings that differ between runtimes. An entry sets them before any other code runs.
export const platform = {
  // Added to every request for a file that can change.
  fetch: {},
  // Whether one request may wait for another request's fetch.
  sharesPromises: true,
  // Ed25519 verification by (key, message, signature), if there is something better than WebCrypto.
  verifyEd25519: undefined,
};
