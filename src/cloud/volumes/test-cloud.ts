import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createPostgresDatabase } from '../../../tests/support/postgres.ts';
import type { HostAgent } from '../../agent/contract.ts';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import type { SimulatedHost } from '../../agent/hypervisor/simulated/simulated-host.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import type { Database } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { operator, type Subject } from '../identity/subject.ts';

export const gib = 2 ** 30;
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A whole cloud over a simulated host, for tests of block storage. */
export class StorageCloud {
  readonly admin = operator();
  readonly member: Subject = { ...operator(), isAdmin: false, roles: ['member'] };
  readonly stranger: Subject = { ...operator(), isAdmin: false, roles: ['member'], projectId: 'b'.repeat(32) };
  readonly #folder: string;
  readonly #opened: OpenedUnkai;

  private constructor(folder: string, opened: OpenedUnkai) {
    this.#folder = folder;
    this.#opened = opened;
  }

  static async start(
    options: { wrapAgent?: (agent: HostAgent) => HostAgent; database?: Database['kind']; hosts?: number } = {},
  ): Promise<StorageCloud> {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-volumes-'));
    const opened = await openUnkai({
      dataDir: folder,
      hypervisor: 'simulated',
      adminPassword: 'secret',
      log: silent,
      hosts: options.hosts,
      wrapAgent: options.wrapAgent,
      database: options.database === 'postgres' ? await createPostgresDatabase() : undefined,
    });
    return new StorageCloud(folder, opened);
  }

  get cloud(): Cloud {
    return this.#opened.cloud;
  }

  /** The host itself, whatever stands before it. */
  get host(): SimulatedHost {
    return this.#opened.agents[0]!.agent as SimulatedHost;
  }

  async stop(): Promise<void> {
    await this.#opened.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Waits for the action and tells how it ended. */
  async ended(actionId: string | undefined): Promise<string> {
    const outcome = await this.cloud.runner.wait(actionId!, { timeoutMs: 60_000 });
    return outcome?.failure ? `${outcome.state}: ${outcome.failure.message}` : (outcome?.state ?? 'still running');
  }

  async image(virtualSize = gib, properties: Record<string, string> = {}): Promise<string> {
    const image = await this.cloud.images.create(this.member, {
      name: 'disk',
      diskFormat: 'qcow2',
      containerFormat: 'bare',
      properties,
    });
    await this.cloud.images.upload(this.member, image.id, Readable.from([emptyQcow2(virtualSize)]));
    return image.id;
  }

  /** A volume that is there. */
  async volume(wanted: Parameters<Cloud['blockStorage']['create']>[1] = { size: gib }) {
    const { volume, actionId } = await this.cloud.blockStorage.create(this.member, wanted);
    const state = await this.ended(actionId);
    if (state !== 'succeeded') throw new Error(`the volume could not be made: ${state}`);
    return await this.cloud.blockStorage.get(this.member, volume.id);
  }

  /** A server that runs. */
  async server(change: Partial<Parameters<Cloud['servers']['create']>[1]> = {}) {
    const [flavor] = await this.cloud.flavors.list(this.member, {});
    const [made] = await this.cloud.servers.create(this.member, {
      name: 'server',
      flavorId: flavor!.id,
      networks: 'none',
      securityGroups: [],
      ...('blockDevices' in change ? {} : { imageId: await this.image() }),
      ...change,
    });
    const state = await this.ended(made!.actionId);
    if (state !== 'succeeded') throw new Error(`the server could not be made: ${state}`);
    return await this.cloud.servers.get(this.member, made!.server.id);
  }

  /** The serial numbers of the guest's disks, in their order. */
  disksOf(serverId: string): string[] {
    return this.host.guestSpec(serverId)!.disks.map(({ volumeId }) => volumeId);
  }
}
