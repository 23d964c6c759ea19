import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { send } from '../../src/cli/clients/http.ts';
import { ZStackClient } from '../../src/cli/clients/zstack-client.ts';
import { ImageFiles } from '../../src/dialects/zstack/image-files.fixture.ts';

const program = resolve(import.meta.dirname, 'serving.ts');
const patience = { timeout: 300_000 };

/** What a web hook was told; it is answered by whoever takes it. */
interface Told {
  jobId: string;
  success: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the answer was
  body: any;
  response: ServerResponse;
}

/** A web server that waits for a test to say what it answers. */
class Hook {
  readonly #server = createServer();
  readonly #told: Told[] = [];
  #wake: () => void = () => {};
  readonly heard = new Map<string, number>();

  async listen(): Promise<void> {
    this.#server.on('request', async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const jobId = String(request.headers['x-job-uuid']);
      this.heard.set(jobId, (this.heard.get(jobId) ?? 0) + 1);
      this.#told.push({ jobId, success: String(request.headers['x-job-success']), body: JSON.parse(text), response });
      this.#wake();
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async next(): Promise<Told> {
    while (this.#told.length === 0) {
      await new Promise<void>((done) => {
        this.#wake = done;
      });
    }
    return this.#told.shift()!;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

let dataDir: string;
let hook: Hook;
let files: ImageFiles;
let child: ChildProcess;
let client: ZStackClient;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unkai-hooks-'));
  hook = new Hook();
  await hook.listen();
  files = await ImageFiles.start();
  await start();
});

afterEach(async () => {
  await kill();
  await files.stop();
  await hook.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

async function start(): Promise<void> {
  child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [origin] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  client = await ZStackClient.signIn(origin, { account: 'admin', password: 'secret' });
}

async function kill(): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Asks for something whose result the hook is to be told. Gives the job's id. */
async function ask(path: string, params: Record<string, unknown>): Promise<string> {
  const { status, body } = await send({
    method: 'POST',
    url: `${client.origin}/zstack/v1${path}`,
    body: { params },
    headers: { authorization: `OAuth ${client.session}`, 'x-web-hook': hook.url },
  });
  expect(status).toBe(202);
  return String(body.location).split('/').at(-1)!;
}

/** When the hook of the job is to be told next, as the database says. */
function owed(jobId: string): number | null {
  const db = new DatabaseSync(join(dataDir, 'unkai.sqlite'), { readOnly: true });
  const row = db.prepare('select hook_due_at from jobs where id = ?').get(jobId);
  db.close();
  return row!['hook_due_at'] as number | null;
}

const zone = (name: string) => ask('/zones', { name });

it(
  'what a web hook was told in vain is told again after a kill, until it has understood, and never again',
  patience,
  async () => {
    const jobId = await zone('east');
    const first = await hook.next();
    expect(first).toMatchObject({ jobId, success: 'true', body: { inventory: { name: 'east' } } });
    // It dies before it has the answer.
    await kill();
    await start();
    const second = await hook.next();
    expect(second).toMatchObject({ jobId, body: first.body });
    second.response.writeHead(500).end();
    const third = await hook.next();
    expect(third).toMatchObject({ jobId, body: first.body });
    third.response.end();
    // A start tells at once what is owed: what comes first is the newest.
    const later = await zone('west');
    (await hook.next()).response.end();
    await expect.poll(() => owed(jobId) ?? owed(later)).toBeNull();
    await kill();
    await start();
    const newest = await zone('north');
    expect(await hook.next()).toMatchObject({ jobId: newest });
    expect(hook.heard.get(jobId)).toBe(3);
    expect(hook.heard.get(later)).toBe(1);
  },
);

it('a job that a killed process began tells its web hook how it ended under the next one', patience, async () => {
  const storage = (await client.call('GET', '/backup-storage')).inventories[0].uuid;
  const wanted = { name: 'slow', format: 'qcow2', backupStorageUuids: [storage], url: files.url('slow.qcow2') };
  const jobId = await ask('/images', wanted);
  await kill();
  await start();
  files.release();
  const told = await hook.next();
  expect(told).toMatchObject({ jobId, success: 'true', body: { inventory: { name: 'slow', status: 'Ready' } } });
  told.response.end();
});
