// A whole shop over Medusa's own API Key Module, and one over `portcullis/medusa`, held to one expectation.

import { onBoth } from './parity/compare.mjs';

await onBoth('shop', ['./shop-admin.mjs', './shop-secret.mjs', './shop-storefront.mjs', './shop-links.mjs', './shop-workflows.mjs']);
