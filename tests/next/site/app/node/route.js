import { withApiKey } from 'portcullis/next';
import { options, verifier } from '../../verifier.js';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export const GET = withApiKey(
  verifier,
  (request, { key }) => Response.json({ serial: key.serial, runtime: process.env.NEXT_RUNTIME }),
  options,
);
