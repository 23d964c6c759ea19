import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { emptyQcow2 } from '../../src/agent/disks/qcow2-header.ts';
import { type OpenedUnkai, openUnkai } from '../../src/assembly/open-unkai.ts';
import { instantOf } from '../../src/cli/commands/leftovers.ts';
import { loadState, resetState, saveState } from '../../src/cli/commands/state.ts';
import { DataFolder } from '../../src/cli/data-folder.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import { operator } from '../../src/cloud/identity/subject.ts';

const subject = operator();
let dataDir: string;

beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  dataDir = await mkdtemp(join(tmpdir(), 'unkai-state-'));
  new DataFolder(dataDir).keepSettings({ hypervisor: 'simulated' });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dataDir, { recursive: true, force: true });
});

async function withCloud<T>(work: (opened: OpenedUnkai) => Promise<T>): Promise<T> {
  const log = pino({ level: 'silent' });
  const opened = await openUnkai({ dataDir, hypervisor: 'simulated', adminPassword: 'secret', log });
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

it('brings a cloud back to what was saved while it ran, and empties it', async () => {
  const id = await withCloud(async ({ cloud }) => {
    const base = { name: 'base', diskFormat: 'qcow2', containerFormat: 'bare' } as const;
    const image = await cloud.images.create(subject, base);
    await cloud.images.upload(subject, image.id, [emptyQcow2(2 ** 30)] as never);
    const wanted = { name: 'kept', flavorId: '42', imageId: image.id, networks: 'auto' as const, securityGroups: [] };
    const [made] = await cloud.servers.create(subject, wanted);
    await cloud.runner.wait(made!.actionId, { timeoutMs: 30_000 });
    await saveState('before', { dataDir });
    await cloud.servers.delete(subject, made!.server.id);
    await cloud.images.delete(subject, image.id);
    await cloud.runner.idle();
    return made!.server.id;
  });
  await loadState('before', { dataDir });
  await withCloud(async ({ cloud }) => {
    expect(await cloud.servers.get(subject, id)).toMatchObject({ name: 'kept', vmState: 'active' });
    expect(await auditCloud(cloud)).toEqual([]);
  });
  await resetState({ dataDir });
  await withCloud(async ({ cloud, agents }) => {
    expect(await cloud.images.list(subject)).toEqual([]);
    expect((await agents[0]!.agent.inventory()).guests).toEqual([]);
  });
  await loadState('before', { dataDir });
  await withCloud(async ({ cloud }) => expect(await cloud.servers.get(subject, id)).toMatchObject({ name: 'kept' }));
});

it('knows its names and what it must not touch', async () => {
  await expect(saveState('x', { dataDir })).rejects.toThrow('There is no cloud');
  await withCloud(async () => {
    await expect(saveState('../x', { dataDir })).rejects.toThrow('no name for a state');
    await expect(loadState('never', { dataDir })).rejects.toThrow('no saved state never');
    await saveState('one', { dataDir });
    await expect(loadState('one', { dataDir })).rejects.toThrow('in use');
  });
});

it('reads times, also as how long ago', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  expect(instantOf('2h', now).toISOString()).toBe('2026-01-01T22:00:00.000Z');
  expect(instantOf('2026-01-01T00:00:00Z', now).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  expect(() => instantOf('soon', now)).toThrow('is no time');
});
