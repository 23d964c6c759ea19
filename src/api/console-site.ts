import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { llmsText, operationMarkdown } from './explorer-markdown.ts';

/** The pages of the console as they come to be. */
export interface ConsolePages {
  /** `folder` once the pages are there. */
  readonly state: { phase: string; folder?: string; reason?: string };
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/** Everything comes from here: a page of this origin holds tokens. */
const policy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const compress = promisify(gzip);

/** Where a page of the console may be. Everything else is some API's. */
const pagePaths = ['/', '/sign-in', '/ui', '/ui/*', '/explorer', '/explorer/*'];
const languages = ['en', 'ja', 'zh-cn', 'zh-CN'];

/** The OpenAPI documents that the explorer shows. */
export interface Documents {
  names: readonly string[];
  read(name: string): Promise<object>;
}

/** Serves the console: its files under `/assets`, and its one page wherever the console has an address. */
export function serveConsole(app: FastifyInstance, pages: ConsolePages, documents: Documents): void {
  const files = new Map<string, Promise<{ body: Buffer; zipped: Buffer | undefined }>>();

  function read(path: string): Promise<{ body: Buffer; zipped: Buffer | undefined }> {
    const known = files.get(path);
    if (known) return known;
    const reading = readFile(path).then(async (body) => {
      const isText = /\.(html|js|css|svg|json)$/.test(path);
      return { body, zipped: isText ? await compress(body) : undefined };
    });
    files.set(path, reading);
    reading.catch(() => files.delete(path));
    return reading;
  }

  async function send(request: FastifyRequest, reply: FastifyReply, path: string, cacheControl: string) {
    const file = await read(path).catch(() => undefined);
    if (!file) return reply.code(404).send({ error: { code: 404, message: `Nothing is served at ${request.url}.` } });
    reply.headers({
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cache-control': cacheControl,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'content-security-policy': policy,
      vary: 'accept-encoding',
    });
    const accepts = String(request.headers['accept-encoding'] ?? '').includes('gzip');
    if (!file.zipped || !accepts) return reply.send(file.body);
    return reply.header('content-encoding', 'gzip').send(file.zipped);
  }

  const page = async (request: FastifyRequest, reply: FastifyReply) => {
    const [, product, operation] =
      /^\/explorer\/[\w-]+\/(\w+)\/([\w-]+?)(?:\.\d+)?\.md$/.exec(request.url.split('?', 1)[0]!) ?? [];
    if (product && operation) return markdown(reply, product, operation);
    const { folder } = pages.state;
    if (!folder) return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(notYet(pages));
    return send(request, reply, join(folder, 'index.html'), 'no-cache');
  };
  async function markdown(reply: FastifyReply, product: string, operation: string) {
    const document = documents.names.includes(product) ? await documents.read(product) : { paths: {} };
    const text = operationMarkdown(document as Record<string, unknown>, operation);
    if (text === undefined) return reply.code(404).send({ error: { code: 404, message: `There is no ${operation}.` } });
    return reply.type('text/markdown; charset=utf-8').send(text);
  }

  for (const path of pagePaths) app.get(path, page);
  app.get('/llms.txt', async (_request, reply) => {
    const all = await Promise.all(
      documents.names.map(async (name) => ({
        name,
        document: (await documents.read(name)) as Record<string, unknown>,
      })),
    );
    return reply.type('text/plain; charset=utf-8').send(llmsText(all));
  });
  app.get('/assets/*', async (request, reply) => {
    const name = (request.params as { '*': string })['*'];
    const { folder } = pages.state;
    // Names carry a hash of their content: what a name once meant it always means.
    const isSound = folder !== undefined && /^[\w.-]+$/.test(name) && !name.includes('..');
    if (!isSound)
      return reply.code(404).send({ error: { code: 404, message: `Nothing is served at ${request.url}.` } });
    return send(request, reply, join(folder, 'assets', name), 'public, max-age=31536000, immutable');
  });
  app.get('/favicon.svg', (request, reply) => {
    const { folder } = pages.state;
    if (!folder) return reply.code(404).send();
    return send(request, reply, join(folder, 'favicon.svg'), 'public, max-age=3600');
  });
  // As ZStack's explorer has its addresses.
  for (const language of languages) {
    app.get(`/${language}/*`, (request, reply) => reply.redirect(`/explorer${request.url}`));
  }
}

/** What a browser shows while the pages are being made: it looks again by itself. */
function notYet({ state }: ConsolePages): string {
  const failed = state.phase === 'failed';
  const words = failed
    ? `The console could not be built: ${escaped(state.reason ?? 'unknown reason')}. Every API works; the log tells more.`
    : `The console is being prepared (${escaped(state.phase)}). Every API works already. This page looks again by itself.`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unkai</title>
${failed ? '' : '<meta http-equiv="refresh" content="2">'}
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{font:16px/1.6 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;max-width:40rem;margin:auto;padding:1rem}</style>
</head><body><h1>Unkai</h1><p role="status">${words}</p></body></html>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
