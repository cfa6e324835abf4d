// A Worker of your own in front of the gate: it answers requests that need no key, and passes all
// others to the gate, which verifies them and forwards them to the origin. In its wrangler.toml:
//
//   [[services]]
//   binding = "GATE"
//   service = "portcullis-gate"

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/robots.txt') return new Response('User-agent: *\nDisallow: /\n');
    const answer = await env.GATE.fetch(request);
    if (answer.status !== 401) return answer;
    // The gate answers with `application/problem+json`. Change the response here as you like.
    const headers = new Headers(answer.headers);
    headers.set('link', '<https://example.com/docs/api-keys>; rel="help"');
    return new Response(answer.body, { status: 401, headers });
  },
};
