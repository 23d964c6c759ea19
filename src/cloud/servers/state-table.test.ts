import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import type { ServersTable, VmState } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import { CloudError } from '../errors.ts';
import { operator } from '../identity/subject.ts';
import { outcomes, serverStates, stateTable } from './state-table.ts';
import { type Transition, transitions } from './states.ts';

type Key = keyof typeof transitions;
type Ask = (id: string) => Promise<unknown>;

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const limit = 300_000;
let folder: string;
let opened: OpenedUnkai;
let imageId: string;
let requests = 0;

const subject = () => operator(`req-00000000-0000-0000-0000-${String(++requests).padStart(12, '0')}`);
const servers = () => opened.cloud.servers;

/** How each transition is asked for. */
const ask: Record<Key, Ask> = {
  delete: (id) => servers().forceDelete(subject(), id),
  softDelete: (id) => servers().softDelete(subject(), id, 3600),
  restore: (id) => servers().restore(subject(), id),
  changePassword: (id) => servers().changePassword(subject(), id, { password: 'secret' }),
  start: (id) => servers().start(subject(), id),
  stop: (id) => servers().stop(subject(), id),
  rebootSoft: (id) => servers().reboot(subject(), id, 'soft'),
  rebootHard: (id) => servers().reboot(subject(), id, 'hard'),
  pause: (id) => servers().pause(subject(), id),
  unpause: (id) => servers().unpause(subject(), id),
  suspend: (id) => servers().suspend(subject(), id),
  resume: (id) => servers().resume(subject(), id),
  rescue: (id) => servers().rescue(subject(), id, { imageId }),
  unrescue: (id) => servers().unrescue(subject(), id),
  attachInterface: (id) => servers().attachInterface(subject(), id),
  detachInterface: async (id) => {
    const [nic] = await opened.cloud.networks.nicsOf(id);
    return await servers().detachInterface(subject(), id, nic?.portId ?? id);
  },
  changeMedium: async (id) => {
    const [drive] = await servers().cdroms.ofServer(id);
    return await servers().cdroms.changeMedium(subject(), drive?.id ?? id, null);
  },
  crashDump: (id) => servers().triggerCrashDump(subject(), id),
  rebuild: (id) => servers().rebuild(subject(), id, { imageId }),
  resize: (id) => servers().resize(subject(), id, '84'),
  extendRoot: (id) => servers().extendRoot(subject(), id, 4 * 2 ** 30),
  migrate: (id) => servers().migrate(subject(), id),
  liveMigrate: (id) => servers().liveMigrate(subject(), id),
  evacuate: (id) => servers().evacuate(subject(), id),
  confirmResize: (id) => servers().confirmResize(subject(), id),
  revertResize: (id) => servers().revertResize(subject(), id),
  createImage: (id) => servers().createImage(subject(), id, { name: 'template' }),
  createBackup: (id) => servers().createBackup(subject(), id, { name: 'backup', backupType: 'daily', rotation: 1 }),
  clone: (id) => servers().clone(subject(), id, { names: ['clone'] }),
  shelve: (id) => servers().shelve(subject(), id),
  unshelve: (id) => servers().unshelve(subject(), id),
};

/** Only of servers whose host is down, so it is refused for another reason here. */
const needsMore: ReadonlySet<Key> = new Set(['evacuate']);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-states-'));
  const settings = { shutdownGrace: 0 };
  opened = await openUnkai({
    ...{ dataDir: folder, hypervisor: 'simulated', hosts: 2, adminPassword: 'secret', log: silent, settings },
  });
  const words = { name: 'image', diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
  imageId = (await opened.cloud.images.create(subject(), words)).id;
  await opened.cloud.images.upload(subject(), imageId, pieces(emptyQcow2(2 ** 30)));
}, limit);
afterAll(async () => {
  await opened.close();
  await rm(folder, { recursive: true, force: true });
});

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function done(begun: unknown): Promise<void> {
  const { actionId } = begun as { actionId?: string };
  if (!actionId) return;
  const outcome = await opened.cloud.runner.wait(actionId, { timeoutMs: limit });
  expect(outcome).toEqual({ state: 'succeeded' });
}

const rowOf = (id: string): Promise<ServersTable> =>
  opened.cloud.db.read.selectFrom('servers').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

const write = (id: string, changes: Partial<ServersTable>) =>
  opened.cloud.db.write((tx) => tx.updateTable('servers').set(changes).where('id', '=', id).execute());

const actionsOf = async (id: string) =>
  (await opened.cloud.db.read.selectFrom('actions').select('id').where('resource_id', '=', id).execute()).length;

/** The way into each state. */
const enter: Partial<Record<VmState, (id: string) => Promise<unknown>>> = {
  building: (id) => write(id, { vm_state: 'building', launched_at: null }),
  paused: async (id) => done(await ask.pause(id)),
  suspended: async (id) => done(await ask.suspend(id)),
  stopped: async (id) => done(await ask.stop(id)),
  rescued: async (id) => done(await ask.rescue(id)),
  resized: async (id) => done(await ask.resize(id)),
  'soft-delete': async (id) => done(await ask.softDelete(id)),
  error: (id) => servers().resetState(subject(), id, 'error'),
  // Servers are not kept on their hosts when they are shelved, so this state has to be made up.
  shelved: async (id) => {
    await done(await ask.shelve(id));
    await write(id, { vm_state: 'shelved' });
  },
  shelved_offloaded: async (id) => done(await ask.shelve(id)),
  deleted: async (id) => done(await ask.delete(id)),
};

async function serverIn(state: VmState): Promise<string> {
  const wanted = { flavorId: '42', imageId, networks: 'auto' as const, securityGroups: [] };
  const [made] = await servers().create(subject(), { ...wanted, name: 'server', cdroms: [{}] });
  await done(made);
  await enter[state]?.(made!.server.id);
  return made!.server.id;
}

async function refusalOf(key: Key, id: string): Promise<CloudError> {
  try {
    await ask[key](id);
  } catch (error) {
    expect(error, key).toBeInstanceOf(CloudError);
    return error as CloudError;
  }
  throw new Error(`${key} was not refused`);
}

const keys = Object.keys(transitions) as Key[];

it('docs/state-table.md says what is so', async () => {
  expect(Object.keys(outcomes).sort()).toEqual(keys.toSorted());
  await expect(stateTable()).toMatchFileSnapshot('../../../docs/state-table.md');
});

describe.each(serverStates)('a server that is %s', (state) => {
  it(
    'refuses what is not allowed, and nothing changes',
    async () => {
      const id = await serverIn(state);
      const before = await rowOf(id);
      const begun = await actionsOf(id);
      for (const key of keys) {
        const { name, from, whileBusyWith }: Transition = transitions[key];
        if (!from.includes(state)) {
          // What is deleted is not there, and what was soft-deleted already stays so without a word.
          if (state === 'soft-delete' && key === 'softDelete') await ask[key](id);
          else if (state === 'deleted') expect((await refusalOf(key, id)).code, key).toBe('not_found');
          else {
            const message = `Cannot '${name}' instance ${withDashes(id)} while it is in vm_state ${state}`;
            expect(await refusalOf(key, id), key).toMatchObject({ code: 'conflict', message });
          }
        } else if (whileBusyWith !== 'anything') {
          await write(id, { task_state: 'image_uploading' });
          const message = `Cannot '${name}' instance ${withDashes(id)} while it is in task_state image_uploading`;
          expect(await refusalOf(key, id), key).toMatchObject({ code: 'conflict', message });
          await write(id, { task_state: null });
        }
        expect(await rowOf(id), key).toEqual(before);
      }
      expect(await actionsOf(id)).toBe(begun);
      if (state !== 'deleted') await servers().forceDelete(subject(), id);
    },
    limit,
  );

  it.each(keys.filter((key) => (transitions[key] as Transition).from.includes(state) && !needsMore.has(key)))(
    'takes %s, and comes to what it leads to',
    async (key) => {
      const id = await serverIn(state);
      // What never ran has nothing to be restored.
      if (state === 'building' && key === 'softDelete') {
        expect(await refusalOf(key, id)).toMatchObject({ code: 'conflict' });
      } else {
        await done(await ask[key](id));
        const now = await rowOf(id);
        expect(now.task_state).toBeNull();
        const wanted = outcomes[key].map((one) => (one === 'as before' ? state : one));
        expect(wanted).toContain(now.vm_state);
      }
      await servers()
        .forceDelete(subject(), id)
        .catch(() => {});
    },
    limit,
  );
});
