import { AgentError } from '../agent/contract.ts';
import { emptyQcow2 } from '../agent/disks/qcow2-header.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { CloudError } from '../cloud/errors.ts';
import { operator } from '../cloud/identity/subject.ts';
import type { VmState } from '../database/schema.ts';
import { oneOf } from '../env/seeded-random.ts';

/** What the requests of a run have in common. */
export interface Scene {
  cloud: Cloud;
  random: () => number;
  imageIds: readonly string[];
  /** More than so many servers are not made. */
  maxServers: number;
  /** Without virtual machines everything is asked for, with them only what TinyLinux can take in the time there is. */
  isSimulated: boolean;
  /** Told of what the cloud has promised. */
  promised?: (promise: Promised) => void;
}

/** What was answered and so has to stay true. */
export interface Promised {
  what: 'is there' | 'is deleted';
  resource: 'server' | 'volume' | 'image';
  id: string;
}

const gibibyte = 2 ** 30;
const subject = operator();

type Ask = (scene: Scene, id: string) => Promise<unknown>;

const onServer: Record<string, Ask> = {
  start: ({ cloud }, id) => cloud.servers.start(subject, id),
  stop: ({ cloud }, id) => cloud.servers.stop(subject, id),
  reboot: ({ cloud }, id) => cloud.servers.reboot(subject, id, 'hard'),
  pause: ({ cloud }, id) => cloud.servers.pause(subject, id),
  unpause: ({ cloud }, id) => cloud.servers.unpause(subject, id),
  suspend: ({ cloud }, id) => cloud.servers.suspend(subject, id),
  resume: ({ cloud }, id) => cloud.servers.resume(subject, id),
  rescue: (scene, id) =>
    scene.cloud.servers.rescue(subject, id, { imageId: oneOf(scene.random, scene.imageIds), adminPass: 'secret' }),
  unrescue: ({ cloud }, id) => cloud.servers.unrescue(subject, id),
  rebuild: (scene, id) =>
    scene.cloud.servers.rebuild(subject, id, { imageId: oneOf(scene.random, scene.imageIds), adminPass: 'secret' }),
  resize: async ({ cloud }, id) => {
    const { flavor } = await cloud.servers.byId(id);
    return await cloud.servers.resize(subject, id, flavor.id === '42' ? '84' : '42');
  },
  confirmResize: ({ cloud }, id) => cloud.servers.confirmResize(subject, id),
  revertResize: ({ cloud }, id) => cloud.servers.revertResize(subject, id),
  createImage: ({ cloud }, id) => cloud.servers.createImage(subject, id, { name: 'template' }),
  shelve: ({ cloud }, id) => cloud.servers.shelve(subject, id),
  unshelve: ({ cloud }, id) => cloud.servers.unshelve(subject, id),
  delete: async ({ cloud, promised }, id) => {
    await cloud.servers.delete(subject, id);
    promised?.({ what: 'is deleted', resource: 'server', id });
  },
};

/** Asked for only where nothing is a machine: they take too long for one, or more than it has. */
const onlySimulated: ReadonlySet<string> = new Set(['suspend', 'resume', 'rescue', 'unrescue']);

/** What makes sense in each state; now and then something else is asked for all the same. */
const sensible: Partial<Record<VmState, readonly string[]>> = {
  active: ['stop', 'reboot', 'pause', 'suspend', 'rescue', 'rebuild', 'resize', 'createImage', 'shelve', 'delete'],
  stopped: ['start', 'rescue', 'rebuild', 'resize', 'createImage', 'shelve', 'delete'],
  suspended: ['resume', 'resume', 'shelve', 'delete'],
  rescued: ['unrescue', 'unrescue', 'delete'],
  paused: ['unpause', 'createImage'],
  resized: ['confirmResize', 'revertResize', 'confirmResize', 'revertResize', 'delete'],
  shelved_offloaded: ['unshelve', 'unshelve', 'delete'],
  building: ['delete', 'stop'],
  error: ['delete'],
};

/** Asks for something by chance. Gives what it was; what is refused counts too. */
export async function askForSomething(scene: Scene): Promise<string> {
  const { cloud, random, isSimulated } = scene;
  const servers = await cloud.db.read
    .selectFrom('servers')
    .select(['id', 'vm_state'])
    .where('deleted_at', 'is', null)
    .orderBy('number')
    .execute();
  const kind = random();
  if (servers.length === 0 || (servers.length < scene.maxServers && kind < 0.25)) return await create(scene);
  if (scene.isSimulated && kind > 0.8) return await askOfStorage(scene, oneOf(random, servers).id);
  const { id, vm_state } = oneOf(random, servers);
  const choices = random() < 0.1 ? Object.keys(onServer) : (sensible[vm_state] ?? ['delete']);
  const name = oneOf(
    random,
    choices.filter((choice) => isSimulated || !onlySimulated.has(choice)),
  );
  await refusalsAreFine(onServer[name]!(scene, id));
  return name;
}

async function create({ cloud, random, imageIds, promised }: Scene): Promise<string> {
  const asked = cloud.servers.create(subject, {
    name: `server-${Math.floor(random() * 1000)}`,
    flavorId: '42',
    imageId: oneOf(random, imageIds),
    networks: 'auto',
    securityGroups: [],
  });
  await refusalsAreFine(
    asked.then((made) => {
      for (const { server } of made) promised?.({ what: 'is there', resource: 'server', id: server.id });
    }),
  );
  return 'create';
}

async function askOfStorage(scene: Scene, serverId: string): Promise<string> {
  const { cloud, random, promised } = scene;
  const { blockStorage, images } = cloud;
  const volumes = await cloud.db.read
    .selectFrom('volumes')
    .select(['id', 'server_id'])
    .where('deleted_at', 'is', null)
    .where('origin', '=', 'volume')
    .orderBy('created_at')
    .execute();
  const asks: Record<string, () => Promise<unknown>> = {
    createVolume: async () => {
      const { volume } = await blockStorage.create(subject, { size: gibibyte });
      promised?.({ what: 'is there', resource: 'volume', id: volume.id });
    },
    upload: async () => {
      const { id } = await images.create(subject, { name: 'upload', diskFormat: 'qcow2', containerFormat: 'bare' });
      promised?.({ what: 'is there', resource: 'image', id });
      void images.upload(subject, id, slowly(emptyQcow2(gibibyte), cloud)).catch(() => {});
    },
  };
  const volume = volumes.length === 0 ? undefined : oneOf(random, volumes);
  if (volume) {
    asks['attach'] = () => blockStorage.attach(subject, serverId, { volumeId: volume.id });
    asks['detach'] = () => blockStorage.detach(subject, volume.server_id ?? serverId, volume.id);
    asks['snapshot'] = () => blockStorage.createSnapshot(subject, { volumeId: volume.id, force: true });
    asks['extend'] = () => blockStorage.extend(subject, volume.id, 2 * gibibyte);
    asks['deleteVolume'] = async () => {
      await blockStorage.delete(subject, volume.id, { cascade: true });
      promised?.({ what: 'is deleted', resource: 'volume', id: volume.id });
    };
  }
  const name = oneOf(random, Object.keys(asks));
  await refusalsAreFine(asks[name]!());
  return name;
}

/** A request may come at the wrong time. Anything but a refusal is a bug. */
async function refusalsAreFine(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!(error instanceof CloudError || error instanceof AgentError)) throw error;
  });
}

async function* slowly(bytes: Buffer, { env }: Cloud): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield bytes.subarray(at, at + 65_536);
    await env.sleep(10);
  }
}
