import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentError, type DiskExport } from '../../src/agent/contract.ts';
import { removeStoreLeftovers } from '../../src/cloud/image-stores/leftovers.ts';
import { makeServer, serverId } from '../engine/fixtures/fixture.ts';
import { World } from '../engine/world.ts';
import { KillableProcess } from '../support/killable.ts';

let world: World;

beforeEach(async () => {
  world = await World.open();
  await makeServer(world);
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** Has the process die while the host has written half of an export. Gives where that is. */
async function dieDuringExport(): Promise<string> {
  const process = new KillableProcess();
  const { promise: died, resolve } = Promise.withResolvers<string>();
  await world.restart({ process });
  world.faults.before = (verb, [request]) => {
    if (verb !== 'exportDisk') return undefined;
    const path = `${(request as DiskExport).target.path}.new`;
    writeFileSync(path, 'half an export');
    process.kill();
    resolve(path);
    return new AgentError('unreachable', 'the process that asked is dead');
  };
  await world.cloud.servers.createImage(world.subject, await serverId(world), { name: 'template' });
  const path = await died;
  await world.stop();
  return path;
}

describe('a host that was cut off while it exported a disk', () => {
  it('leaves nothing when the export is then given up', async () => {
    const path = await dieDuringExport();
    world.faults.before = (verb) =>
      verb === 'exportDisk' ? new AgentError('hypervisor_failed', 'the disk can not be read') : undefined;
    expect(existsSync(path)).toBe(true);
    await world.start();
    await world.settled();
    expect(existsSync(path)).toBe(false);
    expect(await world.audit()).toEqual([]);
  });

  it('leaves nothing when the export is then made', async () => {
    const path = await dieDuringExport();
    world.faults.before = undefined;
    await world.start();
    await world.settled();
    expect(existsSync(path)).toBe(false);
    expect(await world.audit()).toEqual([]);
  });
});

describe('files in the stage of an image store', () => {
  it('are removed when they are nobody’s, and kept for the action that goes on', async () => {
    const staged = (id: string) => join(world.folder, 'images', 'staging', `${id}.export.new`);
    const nobodys = staged('e'.repeat(32));
    writeFileSync(nobodys, 'left over');
    const { promise: held, resolve: exporting } = Promise.withResolvers<string>();
    const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
    const { host } = world;
    const exportDisk = host.exportDisk.bind(host);
    host.exportDisk = async (request) => {
      const path = `${request.target.path}.new`;
      writeFileSync(path, 'half an export');
      exporting(path);
      await goOn;
      return await exportDisk(request);
    };
    const asked = await world.cloud.servers.createImage(world.subject, await serverId(world), { name: 'template' });
    const owned = await held;
    expect(await removeStoreLeftovers(world.cloud)).toEqual({ removed: 1, failed: 0 });
    expect([existsSync(nobodys), existsSync(owned)]).toEqual([false, true]);
    release();
    await world.done(asked);
    expect(await world.audit()).toEqual([]);
  });
});
