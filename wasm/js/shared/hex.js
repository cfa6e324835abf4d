// A module that is embedded as text.
//
// Compressed, hexadecimal is 5% larger than the compressed bytes; base64 is 33% larger, because it
// hides the repetitions from the compressor.
export function fromHex(text) {
  if (Uint8Array.fromHex !== undefined) return Uint8Array.fromHex(text);
  if (globalThis.Buffer !== undefined) return globalThis.Buffer.from(text, 'hex');
  const bytes = new Uint8Array(text.length / 2);
  const digit = (at) => {
    const code = text.charCodeAt(at);
    return code < 0x40 ? code - 0x30 : code - 0x57;
  };
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (digit(2 * at) << 4) | digit(2 * at + 1);
  return bytes;
}
