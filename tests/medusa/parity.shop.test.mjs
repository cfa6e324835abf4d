// The same expectations for a shop with Medusa's own API Key Module and for one with `portcullis/medusa`.

import { onBoth } from './parity/compare.mjs';

await onBoth('shop', ['./shop-admin.mjs', './shop-secret.mjs', './shop-storefront.mjs', './shop-links.mjs', './shop-workflows.mjs']);
