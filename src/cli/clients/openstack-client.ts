import { type Answer, send, UnexpectedAnswer } from './http.ts';

export interface Credentials {
  user: string;
  password: string;
  /** Name of a project in the default domain; default: the user's own name. */
  project?: string;
}

/** A small client of the OpenStack APIs, signed in to one project. Paths are from the origin, as `/compute/v2.1/servers`. */
export class OpenStackClient {
  readonly origin: string;
  readonly token: string;
  readonly projectId: string;
  /** Sent with every request. */
  readonly #headers: Record<string, string>;

  private constructor(origin: string, token: string, projectId: string, headers: Record<string, string>) {
    this.origin = origin;
    this.token = token;
    this.projectId = projectId;
    this.#headers = headers;
  }

  /** Gets a token. Throws `UnexpectedAnswer` when the credentials are not good. */
  static async signIn(origin: string, { user, password, project = user }: Credentials): Promise<OpenStackClient> {
    const domain = { id: 'default' };
    const answer = await send({
      method: 'POST',
      url: `${origin}/identity/v3/auth/tokens`,
      body: {
        auth: {
          identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
          scope: { project: { name: project, domain } },
        },
      },
    });
    if (answer.status !== 201) throw new UnexpectedAnswer('POST /identity/v3/auth/tokens', answer);
    return new OpenStackClient(origin, answer.headers.get('x-subject-token')!, answer.body.token.project.id, {});
  }

  /** The same with further headers, as `{ 'openstack-api-version': 'compute 2.96' }`. */
  with(headers: Record<string, string>): OpenStackClient {
    return new OpenStackClient(this.origin, this.token, this.projectId, { ...this.#headers, ...headers });
  }

  /** Any status is an answer. */
  request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return send({
      method,
      url: this.origin + path,
      body,
      headers: { 'x-auth-token': this.token, ...this.#headers, ...headers },
    });
  }

  /** Gives the body. Throws `UnexpectedAnswer` for a status that is none of success. */
  async call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer['body']> {
    const answer = await this.request(method, path, body, headers);
    if (answer.status >= 400) throw new UnexpectedAnswer(`${method} ${path}`, answer);
    return answer.body;
  }

  get(path: string): Promise<Answer['body']> {
    return this.call('GET', path);
  }

  post(path: string, body: unknown): Promise<Answer['body']> {
    return this.call('POST', path, body);
  }

  delete(path: string): Promise<Answer['body']> {
    return this.call('DELETE', path);
  }
}
