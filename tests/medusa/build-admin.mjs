// Builds Medusa's Admin into the folder `out` below the one that this runs in, by the bundler that
// `medusa build` calls, and with what it gives it for an application without pages of its own.

import { build } from '@medusajs/admin-bundler';

await build({
  disable: false,
  sources: [],
  plugins: [],
  path: '/app',
  backendUrl: '/',
  maxUploadFileSize: 1024 * 1024,
  outDir: 'out',
});
