// The API Key Module by itself: Medusa's own and `portcullis/medusa`, held to one expectation.

import { onBoth } from './parity/compare.mjs';

await onBoth('module', ['./module-lifecycle.mjs', './module-lookup.mjs']);
