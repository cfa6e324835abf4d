// The middleware has looked.
export function GET() {
  return new Response('behind the middleware');
}
