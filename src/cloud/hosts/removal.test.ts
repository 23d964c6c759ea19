import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type HostAgent } from '../../agent/contract.ts';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import { type OpenedUnkai, openUnkai, type UnkaiOptions } from '../../assembly/open-unkai.ts';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { auditCloud, isSound } from '../audit/audit.ts';
import { operator } from '../identity/subject.ts';
import { noteHost } from './notes.ts';
import { clearRemovedHosts, removeHost } from './removal.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const gibibyte = 2 ** 30;

eachDatabase('hosts that leave', (_open, kind) => leaving(kind));

function leaving(kind: Database['kind']): void {
  let folder: string;
  let database: string | undefined;
  let opened: OpenedUnkai;
  let isSilent = false;
  let requests = 0;

  const subject = () => operator(`req-00000000-0000-0000-0000-${String(++requests).padStart(12, '0')}`);
  const wrapAgent = (agent: HostAgent): HostAgent =>
    new Proxy(agent, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          isSilent && name === 'inventory'
            ? Promise.reject(new AgentError('unreachable', 'no answer'))
            : (value.apply(target, args) as unknown);
      },
    });
  const open = (more: Partial<UnkaiOptions> = {}) =>
    openUnkai({
      ...{ dataDir: folder, hypervisor: 'simulated', hosts: 2, adminPassword: 'secret', log: silent },
      ...{ database, wrapAgent, settings: { shutdownGrace: 0 } },
      ...more,
    });
  const reopen = async (more: Partial<UnkaiOptions> = {}) => {
    await opened.close();
    opened = await open(more);
  };

  beforeEach(async () => {
    isSilent = false;
    folder = await mkdtemp(join(tmpdir(), 'unkai-leaving-'));
    database = kind === 'postgres' ? await createPostgresDatabase() : undefined;
    opened = await open();
  });
  afterEach(async () => {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  });

  const names = async () => (await opened.cloud.hosts.list()).map(({ name }) => name);
  const idOf = async (name: string) => (await opened.cloud.hosts.list()).find((host) => host.name === name)!.id;
  const agentOf = (name: string) => opened.agents.find((one) => one.name === name)!.agent;
  const ended = async ({ actionId }: { actionId?: string }) =>
    expect(await opened.cloud.runner.wait(actionId!, { timeoutMs: 60_000 })).toEqual({ state: 'succeeded' });

  async function image(): Promise<string> {
    const { images } = opened.cloud;
    const { id } = await images.create(subject(), { name: 'image', diskFormat: 'qcow2', containerFormat: 'bare' });
    await images.upload(subject(), id, Readable.from([emptyQcow2(gibibyte)]));
    return id;
  }

  async function begin(imageId: string, hostId?: string) {
    const words = { name: 'one', flavorId: '42', networks: 'auto', securityGroups: [] } as const;
    const [made] = await opened.cloud.servers.create(subject(), { ...words, imageId, hostId });
    return { actionId: made!.actionId, id: made!.server.id };
  }

  /** A server on that host. */
  async function server(hostId: string): Promise<string> {
    const made = await begin(await image(), hostId);
    await ended(made);
    return made.id;
  }

  it('keep neither rows nor things, and do not come back before they are let', async () => {
    const { cloud } = opened;
    const id = await idOf('simulated-2');
    await ended(await cloud.servers.forceDelete(subject(), await server(id)));
    const aggregate = await cloud.hosts.aggregates.create({ name: 'some' });
    await cloud.hosts.aggregates.addHost(aggregate.number, 'simulated-2');
    await noteHost(cloud, id, { name: 'rack 7' });
    expect((await agentOf('simulated-2').inventory()).images).toHaveLength(1);
    await removeHost(cloud, id);
    expect(await names()).toEqual(['simulated']);
    expect((await cloud.hosts.aggregates.get(aggregate.number)).hosts).toEqual([]);
    expect([...cloud.hosts.agents.keys()]).not.toContain(id);
    expect(cloud.hosts.leaving.size).toBe(0);
    expect(await agentOf('simulated-2').inventory()).toMatchObject({ images: [], disks: [], guests: [] });
    await expect(removeHost(cloud, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(isSound(await auditCloud(cloud))).toBe(true);
    await reopen();
    expect(await names()).toEqual(['simulated']);
    await reopen({ readmittedHosts: ['simulated-2', 'unknown'] });
    expect(await names()).toEqual(['simulated', 'simulated-2']);
    expect(await idOf('simulated-2')).not.toBe(id);
    await ended(await opened.cloud.servers.forceDelete(subject(), await server(await idOf('simulated-2'))));
  });

  it('are kept while anything is on them', async () => {
    const { cloud } = opened;
    const id = await idOf('simulated-2');
    const refused = (words: string) => ({ code: 'conflict', message: expect.stringContaining(words) });
    const serverId = await server(id);
    await expect(removeHost(cloud, id)).rejects.toMatchObject(refused(`has server[uuid:${serverId}]`));
    await ended(await cloud.servers.forceDelete(subject(), serverId));
    await cloud.hosts.setState(await idOf('simulated'), 'disabled');
    const { volume, actionId } = await cloud.blockStorage.create(subject(), { name: 'data', size: gibibyte });
    await ended({ actionId });
    await expect(removeHost(cloud, id)).rejects.toMatchObject(refused(`has volume[uuid:${volume.id}]`));
    const gone = await cloud.blockStorage.delete(subject(), volume.id);
    await ended(gone as { actionId?: string });
    await removeHost(cloud, id);
    expect(await names()).toEqual(['simulated']);
  });

  it('give up what they have when they answer again, also in another process', async () => {
    const { cloud } = opened;
    const id = await idOf('simulated-2');
    // What nobody knows of any more, as on a host from which servers were evacuated.
    const diskId = newId(opened.env);
    await agentOf('simulated-2').ensureDisk({ diskId, size: gibibyte, base: { kind: 'blank' } });
    isSilent = true;
    await removeHost(cloud, id);
    expect([...cloud.hosts.leaving.keys()]).toEqual([id]);
    await reopen();
    expect([...opened.cloud.hosts.leaving.keys()]).toEqual([id]);
    isSilent = false;
    expect((await agentOf('simulated-2').inventory()).disks).toEqual([diskId]);
    await clearRemovedHosts(opened.cloud);
    expect(opened.cloud.hosts.leaving.size).toBe(0);
    expect((await agentOf('simulated-2').inventory()).disks).toEqual([]);
  });

  it('are noticed where another process has taken them out', async () => {
    const { cloud } = opened;
    const id = await idOf('simulated-2');
    const agent = cloud.hosts.agent(id);
    await removeHost(cloud, id);
    // As a process that has not heard of it still has it.
    await cloud.hosts.readmit('simulated-2');
    const place = await cloud.zones.placeFor();
    const again = await cloud.hosts.attach(agent, { name: 'simulated-2', ...place });
    await cloud.db.write((tx) => tx.deleteFrom('hosts').where('id', '=', again!.id).execute());
    expect(cloud.hosts.agents.has(again!.id)).toBe(true);
    expect(await clearRemovedHosts(cloud)).toEqual({ cleared: 1, failed: 0 });
    expect(cloud.hosts.agents.has(again!.id)).toBe(false);
  });

  it('are not taken from under what is placed there at the same moment', async () => {
    const { cloud } = opened;
    const imageId = await image();
    const agent = agentOf('simulated-2');
    await cloud.hosts.setState(await idOf('simulated'), 'disabled');
    for (let round = 0; round < 8; round += 1) {
      const id = await idOf('simulated-2');
      const made = await begin(imageId);
      // Each time it is a little further when the host is to go.
      for (let tick = 0; tick < round * round; tick += 1) await new Promise((next) => setImmediate(next));
      const isGone = await removeHost(cloud, id).then(
        () => true,
        () => false,
      );
      await cloud.runner.wait(made.actionId, { timeoutMs: 60_000 });
      const { hostId, vmState } = await cloud.servers.get(subject(), made.id);
      expect({ hostId, vmState }).toEqual(
        isGone ? { hostId: null, vmState: 'error' } : { hostId: id, vmState: 'active' },
      );
      expect(isSound(await auditCloud(cloud))).toBe(true);
      await ended(await cloud.servers.forceDelete(subject(), made.id));
      if (!isGone) await removeHost(cloud, id);
      await cloud.hosts.readmit('simulated-2');
      await cloud.hosts.attach(agent, { name: 'simulated-2', ...(await cloud.zones.placeFor()) });
    }
  });
}
