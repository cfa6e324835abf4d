// The API Key Module by itself: the same expectations for Medusa's own and for `portcullis/medusa`.

import { onBoth } from './parity/compare.mjs';

await onBoth('module', ['./module-lifecycle.mjs', './module-lookup.mjs']);
