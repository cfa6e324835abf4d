// workerd and Vercel's edge runtime: a request that waits for another request's fetch may wait
// forever.
import { platform } from '../shared/platform.js';

platform.sharesPromises = false;

export * from './verifier.js';
