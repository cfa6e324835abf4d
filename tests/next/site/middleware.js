import { apiKey } from 'portcullis/next';
import { options, verifier } from './verifier.js';

export const config = { matcher: '/behind/:path*' };
export default apiKey(verifier, options);
