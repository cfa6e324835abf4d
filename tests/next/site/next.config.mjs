// Nothing for the package: it needs no setting. The folder is said because lockfiles lie above it too.
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export default { turbopack: { root }, outputFileTracingRoot: root };
