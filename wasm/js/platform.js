// What differs between the places where the package runs. An entry changes it before anybody can
// call anything.
export const platform = {
  // Added to every request for a file that changes.
  fetch: {},
  // Whether one caller may wait for another caller's fetches.
  sharesPromises: true,
  // Ed25519 by (key, message, signature), where there is something better than WebCrypto.
  verifyEd25519: undefined,
};
