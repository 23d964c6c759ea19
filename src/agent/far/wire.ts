import type { Duplex } from 'node:stream';
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

export function writeLine(stream: Duplex, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}
