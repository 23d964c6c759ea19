import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, send, UnexpectedAnswer } from '../../clients/http.ts';

const pollMs = 100;
const jobLimitMs = 300_000;

/** An access key, as `CreateAccessKey` gives it. */
export interface AccessKey {
  id: string;
  secret: string;
}

/** What was asked and what came of it in the end: the job's result where it became a job. */
export interface Exchange {
  answer: Answer;
  wasJob: boolean;
}

/** A client of the ZStack API which signs every request with an access key, as the SDKs do. */
export class SignedClient {
  readonly #origin: string;
  readonly #key: AccessKey;

  constructor(origin: string, key: AccessKey) {
    this.#origin = origin;
    this.#key = key;
  }

  /** Any answer is one. A job is asked after, with the headers of the first request, until it has ended. */
  async exchange(method: string, path: string, body?: unknown): Promise<Exchange> {
    const headers = this.#headers(method, path);
    let answer = await send({ method, url: `${this.#origin}/zstack/v1${path}`, body, headers });
    const { location } = answer.body as { location?: string };
    if (answer.status !== 202 || !location) return { answer, wasJob: false };
    const deadline = performance.now() + jobLimitMs;
    while (answer.status === 202) {
      if (performance.now() > deadline) throw new UnexpectedAnswer(`${method} ${path} (the job does not end)`, answer);
      await sleep(pollMs);
      answer = await send({ method: 'GET', url: location, headers });
    }
    return { answer, wasJob: true };
  }

  /** The signed text is the method, the date and the path from `/v1` on, without its query. */
  #headers(method: string, path: string): Record<string, string> {
    const date = new Date().toUTCString();
    const text = `${method}\n${date}\n/v1${decodeURIComponent(path.split('?')[0]!)}`;
    const signature = createHmac('sha1', this.#key.secret).update(text).digest('base64');
    return { authorization: `ZStack ${this.#key.id}:${signature}`, date };
  }
}
