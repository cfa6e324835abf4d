// The API Key Module by itself: Medusa's own and `portcullis/medusa`, held to one expectation.

import { onBoth } from './both/compare.mjs';

await onBoth('module', ['./module-life.mjs', './module-look.mjs']);
