// workerd and Vercel's edge runtime: who waits there for another request's fetch may wait for ever.
import { platform } from './platform.js';

platform.sharesPromises = false;

export * from './status-list.js';
