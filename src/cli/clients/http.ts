/** An answer with its body read: JSON where it is JSON, else text. */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: only who reads an answer knows what it should be
  body: any;
}

/** A server's answer was another one than was counted on. */
export class UnexpectedAnswer extends Error {
  readonly answer: Answer;
  constructor(request: string, answer: Answer) {
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    super(`${request} was answered with ${answer.status}: ${body.slice(0, 600)}`);
    this.name = 'UnexpectedAnswer';
    this.answer = answer;
  }
}

export interface Request {
  method: string;
  url: string;
  headers?: Record<string, string>;
  /** JSON, unless it is bytes. */
  body?: unknown;
  /** Milliseconds; default: one minute. */
  timeoutMs?: number;
}

/** Sends one request. Any status is an answer; throws where none comes. */
export async function send({ method, url, headers = {}, body, timeoutMs = 60_000 }: Request): Promise<Answer> {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: body === undefined ? headers : { 'content-type': contentType(isBytes), ...headers },
    body: body === undefined ? undefined : isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

function contentType(isBytes: boolean): string {
  return isBytes ? 'application/octet-stream' : 'application/json';
}
