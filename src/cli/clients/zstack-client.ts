import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, send, UnexpectedAnswer } from './http.ts';

const pollMs = 100;
const jobLimitMs = 300_000;

/** A small client of the ZStack API with a session. Paths are from the API's root, as `/vm-instances`. */
export class ZStackClient {
  readonly origin: string;
  readonly session: string;

  private constructor(origin: string, session: string) {
    this.origin = origin;
    this.session = session;
  }

  /** Opens a session. Throws `UnexpectedAnswer` when the credentials are not good. */
  static async signIn(origin: string, { account, password }: { account: string; password: string }) {
    const answer = await send({
      method: 'PUT',
      url: `${origin}/zstack/v1/accounts/login`,
      body: { logInByAccount: { accountName: account, password: sha512(password) } },
    });
    if (answer.status !== 200) throw new UnexpectedAnswer('PUT /accounts/login', answer);
    return new ZStackClient(origin, answer.body.inventory.uuid);
  }

  /** Any status is an answer; a job is not waited for. */
  request(method: string, path: string, body?: unknown): Promise<Answer> {
    return send({
      method,
      url: path.startsWith('http') ? path : `${this.origin}/zstack/v1${path}`,
      body,
      headers: { authorization: `OAuth ${this.session}` },
    });
  }

  /** Gives the body of the answer, or of the job's result when it is a job. Throws `UnexpectedAnswer` for failures. */
  async call(method: string, path: string, body?: unknown): Promise<Answer['body']> {
    let answer = await this.request(method, path, body);
    const deadline = performance.now() + jobLimitMs;
    const { location } = answer.body;
    while (answer.status === 202) {
      if (performance.now() > deadline) throw new UnexpectedAnswer(`${method} ${path} (job not ended)`, answer);
      await sleep(pollMs);
      answer = await this.request('GET', location);
    }
    if (answer.status >= 400) throw new UnexpectedAnswer(`${method} ${path}`, answer);
    return answer.body;
  }
}

function sha512(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
