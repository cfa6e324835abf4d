// Runs third-party vectors through each way in which the package verifies a signature or tag, in any
// runtime. `exports` are those of wasm/primitives.

import { verifyNatively } from '../js/engine/native.js';
import { isStrict, keyFault, verify } from '../js/pure/ed25519.js';
import { hmacSha256, isTag, TAG_BYTES } from '../js/pure/hmac.js';
import { sameBytes } from '../js/pure/reader.js';

const ONE_BLOCK = 55;

function bytes(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

// Calls an export with these parts. The bits of its answer are the `words` that apply.
function asking(exports) {
  const input = exports.open();
  return (name, parts, length, words) => {
    const at = exports.alloc(input, parts.reduce((sum, part) => sum + part.length, 0)) >>> 0;
    let end = at;
    for (const part of parts) {
      new Uint8Array(exports.memory.buffer, end, part.length).set(part);
      end += part.length;
    }
    const bits = exports[name](input, length);
    return Object.fromEntries(words.map((word, bit) => [word, ((bits >> bit) & 1) === 1]));
  };
}

// Returns the differences from the vectors' own verdicts, the number of verdicts of each way, and how many
// vectors the platform would accept of those that it never gets.
export async function verifySignatures(vectors, exports) {
  const ask = asking(exports);
  const told = { differing: [], verified: {}, lenient: 0, asked: 0 };
  for (const { id, accepted, refused, ...parts } of vectors) {
    const [key, message, signature] = [parts.key, parts.message, parts.signature].map(bytes);
    const inWasm = ask('signature', [key, message, signature], message.length, ['isKey', 'isStrict', 'isGood', 'isAccepted']);
    const isKey = keyFault(key) === undefined;
    const platform = await verifyNatively({ key, message, signature });
    const afterwards = (isOpen) => isOpen && platform;
    const verdicts = {
      wasm: inWasm.isAccepted,
      'wasm, of a file': inWasm.isKey && inWasm.isGood,
      'wasm, then the platform': afterwards(inWasm.isKey && inWasm.isStrict),
      pure: isKey && verify(key, message, signature),
      'pure, then the platform': afterwards(isKey && isStrict(signature)),
    };
    for (const [way, verdict] of Object.entries(verdicts)) {
      told.verified[way] = (told.verified[way] ?? 0) + 1;
      if (verdict !== accepted) told.differing.push(`${id} (${refused}), ${way}: ${verdict}`);
    }
    if (inWasm.isKey && inWasm.isStrict) told.asked += 1;
    else if (platform === true) told.lenient += 1;
  }
  return told;
}

export function verifyTags(vectors, exports) {
  const ask = asking(exports);
  const told = { differing: [], verified: {} };
  for (const { id, accepted, cut_accepted: cutAccepted, ...parts } of vectors) {
    const [key, secret, message, tag] = [parts.key, parts.secret, parts.message, parts.tag].map(bytes);
    const inWasm = ask('tag', [secret, tag, message], tag.length, ['isCut', 'isWhole', 'isTooLong']);
    const whole = (held) => sameBytes(hmacSha256(held, message).subarray(0, tag.length), tag);
    const cut = (held) => isTag(held, message, tag.subarray(0, TAG_BYTES));
    const verdicts = {
      pure: [cut(secret), whole(secret)],
      'pure, the key as it is': [cut(key), whole(key)],
      // The module reads messages of one block only.
      ...(message.length <= ONE_BLOCK && { wasm: [inWasm.isCut, inWasm.isWhole] }),
    };
    for (const [way, [isCut, isWhole]] of Object.entries(verdicts)) {
      told.verified[way] = (told.verified[way] ?? 0) + 1;
      if (isCut !== cutAccepted || isWhole !== accepted) told.differing.push(`${id}, ${way}: ${isCut}, ${isWhole}`);
    }
    if (inWasm.isTooLong !== message.length > ONE_BLOCK) told.differing.push(`${id}: too long ${inWasm.isTooLong}`);
  }
  return told;
}
