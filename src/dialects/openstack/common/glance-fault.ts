import { STATUS_CODES } from 'node:http';
import type { Fault } from './faults.ts';
import type { HttpFailure } from './http-failure.ts';

/** Glance lets the `Accept` header choose between a page, JSON and plain text. */
export function glanceFault({ status, message }: HttpFailure, accept: string | undefined): Fault {
  const title = STATUS_CODES[status] ?? 'Error';
  const code = `${status} ${title}`;
  if (accept?.includes('html') || accept?.includes('*/*')) {
    return {
      status,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
      body:
        `<html>\n <head>\n  <title>${code}</title>\n </head>\n <body>\n  <h1>${code}</h1>\n` +
        `  ${escapeHtml(message)}<br /><br />\n\n\n\n </body>\n</html>`,
    };
  }
  if (accept?.includes('application/json')) {
    return { status, body: { message: `${escapeHtml(message)}<br /><br />\n\n\n`, code, title } };
  }
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: `${code}\n\n${message}\n\n   `,
  };
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#x27;');
}
