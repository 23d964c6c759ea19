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

/** The answer in the line; throws the error that is in it. */
export function checked(line: string): unknown {
  const answer = JSON.parse(line) as { error?: SentError } | null;
  if (answer?.error) throw receivedError(answer.error);
  return answer;
}

/**
 * Calls `onLine` with each line that comes in, without its end, until `onLine` gives false: what follows is put back to be
 * read as it is. Lines are text in UTF-8. A line that is too long, or that `onLine` throws at, ends the stream.
 */
export function readLines(stream: Duplex, onLine: (line: string) => boolean | void, longest = maxLine): void {
  let held: Buffer = Buffer.alloc(0);
  let length = 0;
  const hold = (bytes: Buffer) => {
    if (length + bytes.length > held.length) {
      // Twice as much each time: pieces may be as small as a byte.
      const more = Buffer.allocUnsafe(Math.max(2 * held.length, length + bytes.length));
      held.copy(more, 0, 0, length);
      held = more;
    }
    length += bytes.copy(held, length);
  };
  const take = (end: Buffer): string => {
    if (length === 0) return end.toString('utf8');
    hold(end);
    const line = held.toString('utf8', 0, length);
    held = Buffer.alloc(0);
    length = 0;
    return line;
  };
  const onData = (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = take(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (onLine(line) === false) {
        stream.off('data', guarded);
        stream.pause();
        if (rest.length > 0) stream.unshift(rest);
        return;
      }
      if (stream.destroyed) return;
    }
    hold(rest);
    if (length > longest) throw new Error(`a line is longer than ${longest} bytes`);
  };
  const guarded = (chunk: Buffer) => {
    try {
      onData(chunk);
    } catch (error) {
      stream.off('data', guarded);
      stream.destroy(error as Error);
    }
  };
  stream.on('data', guarded);
  stream.resume();
}

/** Nobody begins with more. */
const longestFirstLine = 1024 * 1024;

/** The first line, after which the stream stands still and can be read on. Rejects when it ends before. */
export function firstLine(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new AgentError('unreachable', 'the connection ended before anything was said'));
    stream.once('close', onClose);
    stream.once('end', onClose);
    const onLine = (line: string) => {
      stream.off('close', onClose);
      stream.off('end', onClose);
      resolve(line);
      return false;
    };
    readLines(stream, onLine, longestFirstLine);
    // It may have ended before anybody listened.
    if (stream.destroyed) onClose();
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

/** What waits to be sent is never more than this: who does not take it has gone, or is about to fill this process’s memory. */
const mostUnsent = 2 * maxLine;

/** Ends the stream where the other side takes nothing any more. */
export function writeLine(stream: Duplex, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
  if (stream.writableLength > mostUnsent) stream.destroy(new Error('the other side does not read what it is told'));
}
