import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pino from 'pino';
import { noNetworks } from '../../src/agent/network-contract.ts';
import type { HypervisorKind, UnkaiOptions } from '../../src/assembly/open-unkai.ts';
import { type ServedUnkai, serveUnkai } from '../../src/assembly/serve.ts';
import { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { ZStackClient } from '../../src/cli/clients/zstack-client.ts';
import type { Cloud } from '../../src/cloud/cloud.ts';
import { createPostgresDatabase } from './postgres.ts';

export interface TestCloudOptions
  extends Partial<
    Pick<
      UnkaiOptions,
      'settings' | 'images' | 'imageStores' | 'hosts' | 'tunnelAddress' | 'wrapAgent' | 'wrapDatabase' | 'faults'
    >
  > {
  /** Default: `simulated`. */
  hypervisor?: HypervisorKind;
  /** Default: `sqlite`. PostgreSQL needs the server that `unkai test` starts. */
  database?: 'sqlite' | 'postgres';
  /** Serves the web console, which is built at the first use of a checkout. */
  console?: boolean;
  /** Puts TinyLinux into the cloud, as a first start does. */
  tinyLinux?: boolean;
}

/** TinyLinux is built once for all tests of a checkout. */
const cacheDir = resolve(import.meta.dirname, '../../var/cache');
const adminPassword = 'test-password';

/** A whole cloud with its API on a port of its own, in a temporary folder. `await using` closes it. */
export class TestCloud implements AsyncDisposable {
  readonly dataDir: string;
  readonly #options: TestCloudOptions;
  readonly #databaseUrl: string | undefined;
  #served: ServedUnkai;

  private constructor(
    dataDir: string,
    options: TestCloudOptions,
    databaseUrl: string | undefined,
    served: ServedUnkai,
  ) {
    this.dataDir = dataDir;
    this.#options = options;
    this.#databaseUrl = databaseUrl;
    this.#served = served;
  }

  static async start(options: TestCloudOptions = {}): Promise<TestCloud> {
    const dataDir = await mkdtemp(join(tmpdir(), 'unkai-cloud-'));
    const databaseUrl = options.database === 'postgres' ? await createPostgresDatabase() : undefined;
    try {
      return new TestCloud(dataDir, options, databaseUrl, await serve(dataDir, options, databaseUrl));
    } catch (error) {
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** The scheme and authority of every API, as `http://127.0.0.1:43211`; another one after a restart. */
  get origin(): string {
    return this.#served.origin;
  }

  /** The engine itself. */
  get cloud(): Cloud {
    return this.#served.cloud;
  }

  get agents(): ServedUnkai['agents'] {
    return this.#served.agents;
  }

  /** A client of the OpenStack APIs; the administrator's, unless others are named. */
  openstack(credentials = { user: 'admin', password: adminPassword }): Promise<OpenStackClient> {
    return OpenStackClient.signIn(this.origin, credentials);
  }

  /** A client of the ZStack API; the administrator's, unless another account is named. */
  zstack(credentials = { account: 'admin', password: adminPassword }): Promise<ZStackClient> {
    return ZStackClient.signIn(this.origin, credentials);
  }

  /** Makes a project with a user of the same name who is its member, and signs in. */
  async member(name: string): Promise<OpenStackClient> {
    const admin = await this.openstack();
    const { project } = await admin.post('/identity/v3/projects', { project: { name } });
    const { user } = await admin.post('/identity/v3/users', { user: { name, password: name } });
    const { roles } = await admin.get('/identity/v3/roles?name=member');
    await admin.call('PUT', `/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`);
    return await this.openstack({ user: name, password: name });
  }

  /** Stops the control plane in order and starts another one on the same folder. Guests go on running. */
  async restart(): Promise<void> {
    await this.#served.close();
    this.#served = await serve(this.dataDir, this.#options, this.#databaseUrl);
  }

  /** Ends everything, guests too, and removes the folder. */
  async close(): Promise<void> {
    try {
      await this.cloud.runner.stop();
      await this.cloud.hostNetworks.stop();
      await removeGuests(this.#served);
      await this.#served.close();
    } finally {
      await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function serve(dataDir: string, options: TestCloudOptions, database: string | undefined): Promise<ServedUnkai> {
  const { hypervisor = 'simulated', tinyLinux, database: _, ...rest } = options;
  return await serveUnkai({
    ...rest,
    dataDir,
    hypervisor,
    database,
    adminPassword,
    listen: '127.0.0.1',
    port: 0,
    log: pino({ level: process.env['UNKAI_LOG_LEVEL'] ?? 'silent' }),
    async beforeListening(cloud) {
      if (!tinyLinux) return;
      const { ensureTinyLinux } = await import('../../src/assembly/tinylinux.ts');
      await ensureTinyLinux(cloud, { cacheDir });
    },
  });
}

async function removeGuests({ agents }: ServedUnkai): Promise<void> {
  for (const { agent } of agents) {
    const { guests, networkDevices } = await agent.inventory();
    await Promise.all(guests.map(({ serverId }) => agent.removeGuest(serverId)));
    if (networkDevices.length > 0) await agent.applyNetworks(noNetworks);
  }
}
