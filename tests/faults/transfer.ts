/**
 * A client that sends or fetches one large body, in a process of its own, as clients are: what it takes is not the test's.
 * Says in JSON with which status it was answered and how many bytes came.
 */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const mib = 1024 * 1024;
/** A client on another machine would take nothing of this one's processors: it takes what the cloud leaves. */
const after = ['nice', '-n', '5'];

export interface Transfer {
  method: 'PUT' | 'GET';
  url: string;
  headers: Record<string, string>;
  /** What is sent: the first bytes of a file. */
  body?: { path: string; bytes: number };
  /** MiB per second; as fast as it can by default. */
  rate?: number;
}

/** @throws where there was no answer */
export async function transfer(wanted: Transfer): Promise<{ status: number; bytes: number }> {
  const [program, ...args] = [...after, process.execPath, import.meta.filename, JSON.stringify(wanted)];
  const { stdout } = await promisify(execFile)(program!, args);
  return JSON.parse(stdout) as { status: number; bytes: number };
}

/** Lets bytes through as fast as the client's network does. */
function pacer(rate: number) {
  return async function* paced(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const started = performance.now();
    let bytes = 0;
    for await (const chunk of source) {
      yield chunk;
      bytes += chunk.length;
      const ahead = (bytes / mib / rate) * 1000 - (performance.now() - started);
      if (ahead > 1) await new Promise((next) => setTimeout(next, ahead));
    }
  };
}

async function send(from: Readable, to: Writable, rate?: number): Promise<void> {
  if (rate === undefined) await pipeline(from, to);
  else await pipeline(from, pacer(rate), to);
}

async function carryOut({ method, url, headers, body, rate }: Transfer): Promise<{ status: number; bytes: number }> {
  const length = body ? { 'content-length': body.bytes } : {};
  const asked = request(url, { method, headers: { ...headers, ...length } });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve);
    asked.on('error', reject);
  });
  if (body) {
    await send(createReadStream(body.path, { end: body.bytes - 1, highWaterMark: mib }), asked, rate);
  } else {
    asked.end();
  }
  const answer = await answered;
  let bytes = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  await send(answer, count, rate);
  return { status: answer.statusCode ?? 0, bytes };
}

if (import.meta.main) process.stdout.write(JSON.stringify(await carryOut(JSON.parse(process.argv[2]!))));
