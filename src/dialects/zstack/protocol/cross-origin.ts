/**
 * Lets pages of other origins (API explorers) call the dialect. No cookies are involved: a session travels in a header
 * that only the page which has it can send, so any origin may ask.
 */
export const crossOriginHeaders: Record<string, string> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'X-Job-UUID, X-Request-Id',
};

/** What a browser's preflight wants to know. */
export const preflightHeaders: Record<string, string> = {
  ...crossOriginHeaders,
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers':
    'Authorization, Content-Type, Prefer, X-Job-UUID, X-Web-Hook, X-API-Timeout, X-JSON-Schema, X-Session-Id',
  'access-control-max-age': '86400',
};
