import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type HostDescription } from '../../agent/contract.ts';
import { openSimulatedHost } from '../../agent/hypervisor/simulated/simulated-host.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import type { Database } from '../../database/database.ts';
import { realEnv } from '../../env/real.ts';
import type { Cloud } from '../cloud.ts';
import { clearRemovedHosts, removeHost } from '../hosts/removal.ts';
import { FarHosts } from './far-hosts.ts';
import type { FarAgent, FarAgentOptions } from './model.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const env = realEnv();

eachDatabase('hosts on other machines', (_open, kind) => farHosts(kind));

/** A machine whose agent does as it is told here. */
interface Machine {
  /** Of the process that connected last. */
  options: FarAgentOptions;
  /** Of all processes. */
  opened: FarAgentOptions[];
  description: HostDescription;
  kept: number;
  hasLeft: boolean;
}

function farHosts(kind: Database['kind']): void {
  let folder: string;
  let opened: OpenedUnkai;
  let machines: Map<string, Machine>;
  /** Why no machine can be reached, if that is so. */
  let trouble: string | undefined;
  let obstacle: string | undefined;
  /** What happens while a connection is made. */
  let meanwhile: () => Promise<void>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-far-hosts-'));
    const database = kind === 'postgres' ? await createPostgresDatabase() : undefined;
    opened = await openUnkai({
      ...{ dataDir: folder, hypervisor: 'simulated', adminPassword: 'secret', log: silent, database },
    });
    machines = new Map();
    trouble = undefined;
    obstacle = undefined;
    meanwhile = async () => {};
  });
  afterEach(async () => {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What one process of the control plane knows of them. */
  const process = () =>
    new FarHosts(
      opened.cloud,
      opened.cloud.hosts,
      { obstacleToFarHosts: async () => obstacle },
      (options): FarAgent => {
        const directory = join(folder, 'far', options.hostId);
        let isConnected = false;
        const seen = machines.get(options.hostId)?.opened ?? [];
        seen.push(options);
        if (!machines.has(options.hostId))
          machines.set(options.hostId, {
            ...{ options, opened: seen, kept: 0, hasLeft: false },
            description: {} as HostDescription,
          });
        const connect = async () => {
          isConnected = false;
          await options.place({ toLeave: false });
          await meanwhile();
          if (trouble !== undefined) throw new AgentError('unreachable', trouble);
          if ((await options.password()) !== 'sesame') throw new AgentError('unreachable', 'the login is refused');
          await mkdir(directory, { recursive: true });
          const host = await openSimulatedHost({ directory, env, hostname: 'elsewhere' });
          const description = await host.describe();
          await host.close();
          machines.set(options.hostId, { options, opened: seen, description, kept: 0, hasLeft: false });
          isConnected = true;
          options.onChange({ description });
          return description;
        };
        return {
          agent: opened.agents[0]!.agent,
          get isConnected() {
            return isConnected;
          },
          connect,
          reconnect: connect,
          keep() {
            const known = machines.get(options.hostId);
            if (known) known.kept += 1;
          },
          async leave() {
            await options.place({ toLeave: true });
            if (trouble !== undefined) throw new AgentError('unreachable', trouble);
            machines.get(options.hostId)!.hasLeft = true;
          },
        };
      },
    );
  const wanted = async () => ({
    ...{ name: 'far', address: '192.0.2.12', port: 22, user: 'root', password: 'sesame' },
    clusterId: (await opened.cloud.zones.placeFor(undefined)).clusterId,
  });
  const lines = async () => (await opened.cloud.db.read.selectFrom('far_host_lines').selectAll().execute()).length;
  const hosts = async () => (await opened.cloud.hosts.list()).map(({ name, status }) => ({ name, status }));
  const local = { name: 'simulated', status: 'connected' };

  it('are in the cloud once they answer, and not at all where they can not be reached', async () => {
    const far = process();
    trouble = 'no route to host';
    await expect(far.add(await wanted())).rejects.toMatchObject({
      code: 'unavailable',
      message: 'no route to host',
      details: { reason: 'unreachable' },
    });
    expect(await hosts()).toEqual([local]);
    trouble = undefined;
    const host = await far.add(await wanted());
    expect(host).toMatchObject({ name: 'far', status: 'connected', managementAddress: '192.0.2.12' });
    expect(host.memoryMb).toBe(machines.get(host.id)!.description.memoryMb);
    expect(host.reservedMemoryMb).toBeGreaterThan(0);
    expect(await far.place(host.id)).toEqual({ address: '192.0.2.12', port: 22, user: 'root' });
  });

  it('that were lost while they were added leave nothing on their machines, once these answer', async () => {
    const far = process();
    const rows = () => opened.cloud.db.read.selectFrom('far_hosts').select(['host_id', 'leaving']).execute();
    meanwhile = async () => {
      trouble = 'the line is down';
      await [...machines.values()].at(-1)!.options.mayBegin();
    };
    await expect(far.add(await wanted())).rejects.toMatchObject({ message: 'the line is down' });
    expect(await hosts()).toEqual([local]);
    const [row] = await rows();
    expect(row).toMatchObject({ leaving: 2 });
    const clear = (by: FarHosts) => clearRemovedHosts({ ...opened.cloud, farHosts: by } as Cloud);
    expect(await clear(far)).toMatchObject({ cleared: 0 });

    // Who was killed meanwhile knows as much, and the machine may be added anew before.
    meanwhile = async () => {};
    trouble = undefined;
    const next = process();
    await next.refresh();
    const { id } = await next.add(await wanted());
    expect(await clear(next)).toMatchObject({ cleared: 1, failed: 0 });
    expect(machines.get(row!.host_id)!.hasLeft).toBe(true);
    expect(await rows()).toEqual([{ host_id: id, leaving: 0 }]);
  });

  it.each([
    ['are tidied up, for as long as it takes and said once,', true],
    ['are forgotten', false],
  ])('%s where the process died that gave them up, if they were reached: %s', async (_, isBegun) => {
    const asked = await new Promise<FarAgentOptions>((resolve, reject) => {
      meanwhile = () => new Promise(() => resolve([...machines.values()].at(-1)!.options));
      wanted()
        .then((far) => process().add(far))
        .catch(reject);
    });
    if (isBegun) await asked.mayBegin();
    const { db } = opened.cloud;
    // What is written of one that is given up; then the process is killed.
    await db.write(async (tx) => {
      await tx.updateTable('far_hosts').set({ leaving: 2 }).execute();
      await tx.deleteFrom('hosts').where('name', '=', 'far').execute();
    });
    trouble = 'no route to host';
    const next = process();
    await next.refresh();
    const log = { ...silent, warn: vi.fn() };
    const round = () => clearRemovedHosts({ ...opened.cloud, farHosts: next, log } as unknown as Cloud);
    expect(await round()).toEqual(isBegun ? { cleared: 0, failed: 1 } : { cleared: 1, failed: 0 });
    expect(await round()).toEqual({ cleared: 0, failed: isBegun ? 1 : 0 });
    expect(log.warn).toHaveBeenCalledTimes(isBegun ? 1 : 0);
    trouble = undefined;
    await round();
    expect(await db.read.selectFrom('far_hosts').select('host_id').execute()).toEqual([]);
  });

  it('are refused where the name or the machine is known, the cluster is not, or networks would end there', async () => {
    const far = process();
    const one = await wanted();
    obstacle = 'networks end here';
    await expect(far.add(one)).rejects.toMatchObject({ code: 'conflict', message: 'networks end here' });
    obstacle = undefined;
    const both = await Promise.allSettled([far.add(one), process().add({ ...one, name: 'other' })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(far.add({ ...one, name: 'simulated', address: '192.0.2.13' })).rejects.toMatchObject({
      code: 'duplicate',
    });
    await expect(far.add({ ...one, name: 'third', address: '192.0.2.14', clusterId: 'none' })).rejects.toMatchObject({
      details: { reason: 'no_such_cluster' },
    });
    expect(await hosts()).toHaveLength(2);
  });

  it('whose login is changed in vain are reached as before', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    await expect(far.update(id, { password: 'guess', user: 'nobody' })).rejects.toMatchObject({ code: 'unavailable' });
    expect(await far.place(id)).toMatchObject({ user: 'root' });
    await far.reconnect(id);
    await far.update(id, { address: '192.0.2.13' });
    expect(await opened.cloud.hosts.get(id)).toMatchObject({ managementAddress: '192.0.2.13' });
  });

  it('are lost and found, also by another process, and are left when they have given up everything', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const { options, description } = machines.get(id)!;
    const status = async () => (await opened.cloud.hosts.get(id)).status;
    options.onChange({ lost: 'nothing was heard' });
    await expect.poll(status).toBe('disconnected');
    options.onChange({ description });
    await expect.poll(status).toBe('connected');

    const other = process();
    await other.refresh();
    // It answers the one, whatever the other one does not know yet.
    expect(await status()).toBe('connected');
    expect(machines.get(id)!.kept).toBe(1);

    await opened.cloud.db.write((tx) => far.markLeaving(tx, id));
    await far.leave(id);
    expect(machines.get(id)!.hasLeft).toBe(true);
    expect(await far.place(id)).toBeUndefined();
  });

  it('have a login changed once it has worked, and not before: who dies meanwhile has changed nothing', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const seen: unknown[] = [];
    meanwhile = async () => {
      seen.push(await far.place(id), (await opened.cloud.hosts.get(id)).managementAddress);
    };
    await far.update(id, { address: '192.0.2.13', user: 'somebody' });
    expect(seen).toEqual([{ address: '192.0.2.12', port: 22, user: 'root' }, '192.0.2.12']);
    expect(await far.place(id)).toEqual({ address: '192.0.2.13', port: 22, user: 'somebody' });
    const other = await far.add({ ...(await wanted()), name: 'other' });
    await expect(far.update(other.id, { address: '192.0.2.13' })).rejects.toMatchObject({ code: 'duplicate' });
    expect(await far.place(other.id)).toMatchObject({ address: '192.0.2.12' });
  });

  it('do not get their agent back from another process while they are left, however often it takes', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const other = process();
    await other.refresh();
    const { options } = machines.get(id)!;
    await opened.cloud.db.write((tx) => far.markLeaving(tx, id));
    expect(await options.place({ toLeave: false })).toBeDefined();
    trouble = 'the line is down';
    await expect(far.leave(id)).rejects.toThrow(trouble);
    expect(await far.isEmpty(id)).toBe(true);
    await expect(options.place({ toLeave: false })).rejects.toMatchObject({ code: 'not_found' });
    trouble = undefined;
    await other.leave(id);
    expect(machines.get(id)!.hasLeft).toBe(true);
    expect(await far.place(id)).toBeUndefined();
  });

  it('can be added anew where an earlier one is on its way out, and does not answer', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    await opened.cloud.db.write(async (tx) => {
      await far.markLeaving(tx, id);
      await tx.deleteFrom('hosts').where('id', '=', id).execute();
    });
    expect((await far.add(await wanted())).id).not.toBe(id);
    await expect(far.add({ ...(await wanted()), name: 'third' })).rejects.toMatchObject({ code: 'duplicate' });
  });

  it('are connected where any process has them, and one that can not reach them says nothing', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const { options, description } = machines.get(id)!;
    const status = async () => (await opened.cloud.hosts.get(id)).status;
    const other = process();
    await other.refresh();
    const walled = machines.get(id)!.opened.at(-1)!;
    expect(walled).not.toBe(options);
    walled.onChange({ lost: 'no route to host' });
    await other.refresh();
    expect(await status()).toBe('connected');
    // Now it answers both, then none.
    walled.onChange({ description });
    await expect.poll(lines).toBe(2);
    options.onChange({ lost: 'cut' });
    await expect.poll(lines).toBe(1);
    expect(await status()).toBe('connected');
    walled.onChange({ lost: 'cut' });
    await expect.poll(status).toBe('disconnected');
    options.onChange({ description });
    await expect.poll(status).toBe('connected');
  });

  it('are lost with the process that had them, once it has said nothing for long', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const status = async () => (await opened.cloud.hosts.get(id)).status;
    const other = process();
    await other.refresh();
    expect(await status()).toBe('connected');
    await opened.cloud.db.write((tx) => tx.updateTable('far_host_lines').set({ until: 1 }).execute());
    await other.refresh();
    expect(await status()).toBe('disconnected');
    // It was only busy.
    await far.refresh();
    expect(await status()).toBe('connected');
    await far.close();
    await other.refresh();
    expect(await status()).toBe('disconnected');
  });

  it('may be told who they are where they have never answered, or nothing is on them, and not else', async () => {
    const far = process();
    const asked: boolean[] = [];
    meanwhile = async () => void asked.push(await [...machines.values()][0]!.options.mayBegin());
    const { id } = await far.add(await wanted());
    const { options } = machines.get(id)!;
    expect(asked).toEqual([true]);
    expect(await options.mayBegin()).toBe(true);
    const disk = { id: 'd'.repeat(32), volume_id: 'v', host_id: id, size: 1, created_at: 1, released_at: null };
    await opened.cloud.db.write((tx) =>
      tx
        .insertInto('disks')
        .values(disk as never)
        .execute(),
    );
    expect(await options.mayBegin()).toBe(false);
    await opened.cloud.db.write((tx) => tx.updateTable('disks').set({ released_at: 2 }).execute());
    expect(await options.mayBegin()).toBe(true);
    expect(await options.key()).toMatch(/^[\w-]{32}$/);
  });

  it('whose machine is gone for good are removed without it, also those that are on their way out already', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const other = process();
    await other.refresh();
    const cloud: Cloud = { ...opened.cloud, farHosts: far };
    trouble = 'no route to host';
    await removeHost(cloud, id);
    expect(await far.place(id)).toBeDefined();
    await removeHost(cloud, id, { isGone: true });
    expect(await far.place(id)).toBeUndefined();
    expect(machines.get(id)!.hasLeft).toBe(false);
    expect(cloud.hosts.leaving.size).toBe(0);
    await other.refresh();
    expect(other.has(id)).toBe(false);
    await expect(removeHost(cloud, id, { isGone: true })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('whose machine is gone let go of what is removed, and do nothing else', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const cloud: Cloud = { ...opened.cloud, farHosts: far };
    const disk = { id: 'd'.repeat(32), volume_id: 'v', host_id: id, size: 1, created_at: 1, released_at: null };
    await opened.cloud.db.write((tx) =>
      tx
        .insertInto('disks')
        .values(disk as never)
        .execute(),
    );
    await expect(removeHost(cloud, id, { isGone: true })).rejects.toMatchObject({ details: { reason: 'in_use' } });
    expect((await cloud.hosts.get(id)).status).toBe('disconnected');
    const agent = cloud.hosts.agent(id);
    await agent.removeDisk(disk.id);
    expect((await agent.inventory()).guests).toEqual([]);
    await expect(agent.guestDiagnostics('s')).rejects.toMatchObject({ code: 'unreachable', retryable: false });
    await expect(far.reconnect(id)).rejects.toMatchObject({ code: 'unavailable' });
    // Another process learns of it.
    const other = process();
    await other.refresh();
    await opened.cloud.db.write((tx) => tx.deleteFrom('disks').execute());
    await removeHost(cloud, id, { isGone: true });
    expect(await far.place(id)).toBeUndefined();
    expect(machines.get(id)!.opened).toHaveLength(1);
  });

  it('keep their name to themselves: no host of this machine takes their place', async () => {
    const far = process();
    const { id } = await far.add(await wanted());
    const place = await opened.cloud.zones.placeFor(undefined);
    const attaching = opened.cloud.hosts.attach(opened.agents[0]!.agent, { name: 'far', ...place });
    await expect(attaching).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('as the host at 192.0.2.12 is'),
    });
    expect(await opened.cloud.hosts.get(id)).toMatchObject({ managementAddress: '192.0.2.12' });
  });
}
