import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openUnkai } from '../src/assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../src/assembly/tinylinux.ts';
import { operator } from '../src/cloud/identity/subject.ts';
import { defaultGroupId } from '../src/cloud/networks/default-security-group.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
export const subject = operator('req-bench');

/** A cloud of real guests on real networks, in a folder that goes with it. */
export class GuestCloud {
  readonly folder: string;
  readonly opened: Awaited<ReturnType<typeof openUnkai>>;

  private constructor(folder: string, opened: GuestCloud['opened']) {
    this.folder = folder;
    this.opened = opened;
  }

  static async open(): Promise<GuestCloud> {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-guest-network-'));
    const opened = await openUnkai({
      ...{ dataDir: folder, hypervisor: 'qemu', network: 'bridge', adminPassword: 'secret', log: silent },
    });
    await ensureTinyLinux(opened.cloud, { cacheDir: resolve(import.meta.dirname, '../var/cache') });
    return new GuestCloud(folder, opened);
  }

  async close(): Promise<void> {
    const { cloud } = this.opened;
    for (const { id } of await cloud.servers.list(subject, {}, { limit: 1000, sort: [] })) {
      const { actionId } = await cloud.servers.delete(subject, id);
      if (actionId) await cloud.runner.wait(actionId, { timeoutMs: 60_000 });
    }
    await this.opened.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get cloud() {
    return this.opened.cloud;
  }

  /** Waits for an action; throws with its failure where it did not succeed. */
  async ended({ actionId }: { actionId?: string }): Promise<void> {
    const outcome = await this.cloud.runner.wait(actionId!, { timeoutMs: 600_000 });
    if (outcome?.state !== 'succeeded') throw new Error(`an action ended as ${JSON.stringify(outcome)}`);
  }

  /** A network with a subnet, behind a router of its own to the external network `public`. */
  async network(cidr: string) {
    const { networks } = this.cloud;
    const [network] = await networks.networks.create(subject, [{ name: 'bench' }]);
    const [subnet] = await networks.subnets.create(subject, [{ networkId: network!.id, ipVersion: 4, cidr }]);
    const [external] = await networks.networks.list(subject, { filters: { name: ['public'] } });
    const [router] = await networks.routers.create(subject, [{ gateway: { networkId: external!.id } }]);
    await networks.routerInterfaces.add(subject, router!.id, { subnetId: subnet!.id });
    return { networkId: network!.id, subnetId: subnet!.id, routerId: router!.id, externalId: external!.id };
  }

  async server(networkId: string, keyName?: string): Promise<string> {
    const flavors = (await this.cloud.flavors.list(subject, {})).filter(({ memoryMb }) => memoryMb >= 96);
    const flavor = flavors.sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
    const [made] = await this.cloud.servers.create(subject, {
      ...{ name: 'bench', flavorId: flavor.id, imageId: tinyLinuxId, networks: [{ networkId }], securityGroups: [] },
      keyName,
    });
    await this.ended(made!);
    return made!.server.id;
  }

  get defaultGroup(): string {
    return defaultGroupId(subject.projectId!);
  }
}
