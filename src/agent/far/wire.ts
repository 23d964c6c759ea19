import type { Duplex } from 'node:stream';
import type { Env } from '../../env/env.ts';
import { AgentError, type AgentErrorCode } from '../contract.ts';

/** A failure as it travels. */
export interface SentError {
  code: AgentErrorCode;
  message: string;
  retryable?: boolean;
}

/** What is said between a control plane and the agent of a far host: each message is one line of JSON. */
export type Message =
  /** Asks the other side for something. Both sides number what they ask. */
  | { ask: number; verb: string; args: unknown[] }
  | { answer: number; value?: unknown; error?: SentError }
  /** Something happened; nobody answers. */
  | { notice: string; value?: unknown };

/** No line is longer: whoever sends more has gone mad. */
const maxLine = 64 * 1024 * 1024;

export function sentError(error: unknown): SentError {
  if (error instanceof AgentError) return { code: error.code, message: error.message, retryable: error.retryable };
  return { code: 'hypervisor_failed', message: error instanceof Error ? error.message : String(error) };
}

/** The error that was sent. */
export function receivedError({ code, message, retryable }: SentError): AgentError {
  return new AgentError(code, message, { retryable });
}

/**
 * Calls `onLine` with each line that comes in, without its end, until `onLine` gives false: what follows is put back to be
 * read as it is. Lines are text in UTF-8.
 */
export function readLines(stream: Duplex, onLine: (line: string) => boolean | void): void {
  let parts: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      rest = rest.subarray(end + 1);
      if (onLine(line) === false) {
        stream.off('data', onData);
        stream.pause();
        if (rest.length > 0) stream.unshift(rest);
        return;
      }
    }
    if (rest.length === 0) return;
    parts.push(rest);
    length += rest.length;
    if (length > maxLine) stream.destroy(new Error(`a line is longer than ${maxLine} bytes`));
  };
  stream.on('data', onData);
  stream.resume();
}

/** The first line, after which the stream stands still and can be read on. Rejects when it ends before. */
export function firstLine(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new AgentError('unreachable', 'the connection ended before anything was said'));
    stream.once('close', onClose);
    stream.once('end', onClose);
    readLines(stream, (line) => {
      stream.off('close', onClose);
      stream.off('end', onClose);
      resolve(line);
      return false;
    });
  });
}

/** How long whoever is spoken to may say nothing, milliseconds. */
const patienceMs = 20_000;

/** As `firstLine`, of somebody who may be there and never say anything: whose connection is ended then. */
export async function firstWords(env: Pick<Env, 'sleep'>, stream: Duplex): Promise<string> {
  const heard = new AbortController();
  void env.sleep(patienceMs, heard.signal).then(() => {
    if (!heard.signal.aborted) stream.destroy();
  });
  try {
    return await firstLine(stream);
  } finally {
    heard.abort();
  }
}

export function writeLine(stream: Duplex, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}
