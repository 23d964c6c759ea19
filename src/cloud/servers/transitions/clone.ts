import { type Static, Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { newId } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { operator, type Subject } from '../../identity/subject.ts';
import type { Port } from '../../networks/model.ts';
import type { InterfaceRequest } from '../../networks/server-ports.ts';
import { invalidMapping } from '../block-devices.ts';
import { createOne, createUnbuilt, type NewServer, newReservationId } from '../creation.ts';
import { bootsFromVolume, type Server } from '../model.ts';
import { type RootPlace, rootPlace } from '../schemas.ts';
import { transitions } from '../states.ts';
import { setTask } from '../steps/guest.ts';
import { adoptTemplate, exportRootDisk, publishTemplate } from '../steps/template.ts';
import { beginTransition, settleServer } from '../transition.ts';
import { beginTemplate } from './create-image.ts';

const cloneInput = Type.Object({
  serverId: Type.String(),
  hostId: Type.String(),
  templateId: Type.String(),
  diskId: Type.String(),
  clones: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  withVolumes: Type.Boolean(),
  leaveStopped: Type.Optional(Type.Boolean()),
  leaveUnbuilt: Type.Optional(Type.Boolean()),
  rootPlace: Type.Optional(rootPlace),
  onHostId: Type.Optional(Type.String()),
  dataStorageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  userId: Type.String(),
  isAdmin: Type.Boolean(),
});
type CloneInput = Static<typeof cloneInput>;

/**
 * Registers all clones, or none, and submits what builds each, unless their first start is to do that. From then on each
 * is on its own, and the last one takes the template with it.
 */
const registerClones = step<CloneInput>('registerClones', {
  async do({ services, input, requestId }) {
    const origin = await services.servers.byId(input.serverId);
    // What a project makes is its own, also where an administrator asks for it.
    const { userId, isAdmin } = input;
    const owner: Subject = { ...operator(requestId), userId, isAdmin, projectId: origin.projectId };
    const image = await services.images.forBoot(owner, input.templateId);
    const wanted = await likeOf(services, owner, origin);
    const place = { rootPlace: input.rootPlace, hostId: input.onHostId };
    const sources = input.withVolumes ? await services.blockStorage.attachedTo(owner, origin.id) : [];
    return {
      commit: async (tx) => {
        await checkQuotas(services, tx, origin, input.clones.length);
        const context = {
          ...{ projectId: origin.projectId, flavor: wanted.flavor, image, publicKey: origin.publicKey },
          ...{ zoneId: origin.zoneId, reservationId: newReservationId(services), count: 1 },
          templateId: input.templateId,
          // The template is gone once they are built; they are of the image that the server is of.
          shownImageId: origin.imageId,
        };
        for (const [index, { id, name }] of input.clones.entries()) {
          const storageId = input.dataStorageId;
          const blockDevices = sources.map((volume) => ({ ...copyOf(volume.id, `DATA-for-${name}`), storageId }));
          await (input.leaveUnbuilt ? createUnbuilt : createOne)(
            services,
            tx,
            owner,
            { ...wanted, ...place, id, name, blockDevices, leaveStopped: input.leaveStopped },
            { ...context, index },
          );
        }
      },
    };
  },
  // Nothing to undo: no step comes after it.
});

function copyOf(id: string, name: string) {
  return { source: 'copy', destination: 'volume', bootIndex: null, deleteOnTermination: false, id, name } as const;
}

/** What of the server its clones have too: size, networks, groups, and all that its owner said of it. */
async function likeOf(cloud: Cloud, owner: Subject, origin: Server) {
  const ports = await cloud.networks.ports.list(owner, { filters: { deviceId: [origin.id] } });
  const facts = { description: null, rxtxFactor: 1, isPublic: false, enabled: true, createdAt: 0, updatedAt: 0 };
  return {
    flavorId: origin.flavor.id,
    flavor: { ...origin.flavor, ...facts },
    networks: ports.length > 0 ? ports.map(likePort) : 'none',
    securityGroups: [],
    keyName: origin.keyName ?? undefined,
    metadata: origin.metadata,
    userData: origin.userData ?? undefined,
    configDrive: origin.hasConfigDrive,
    zone: origin.pinnedZoneId ?? undefined,
  } satisfies Omit<NewServer, 'name'>;
}

/** One that nothing is filtered of has no groups; where its network does filter, that is the default one's business. */
function likePort({ networkId, portSecurity, securityGroupIds }: Port): InterfaceRequest {
  return portSecurity ? { networkId, securityGroupIds } : { networkId };
}

function checkQuotas(cloud: Cloud, tx: Tx, { projectId, flavor, zoneId }: Server, count: number): Promise<void> {
  const requested = { instances: count, cores: count * flavor.vcpus, ram_mb: count * flavor.memoryMb };
  return cloud.quotas.check(tx, projectId, requested, zoneId);
}

export const clone = action(
  'server.clone',
  cloneInput,
  [
    span('compute_clone_instance', [
      exportRootDisk,
      setTask('image_uploading'),
      adoptTemplate,
      publishTemplate,
      registerClones,
    ]),
  ],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { task_state: null });
    },
    async failed(tx, { services, input }, failure) {
      await services.images.templates.fail(tx, input.templateId, failure.message);
      await settleServer(services, tx, input.serverId, { task_state: null });
    },
  },
);

export interface CloneRequest {
  /** One clone for each. */
  names: readonly string[];
  /** Whether the volumes that it has are cloned too: then its clones are made on its host, where those are. */
  withVolumes?: boolean;
  /** Whether they are made without being started. */
  leaveStopped?: boolean;
  /** Whether they are only registered: their first start builds them, of what the server holds now. Not with volumes. */
  leaveUnbuilt?: boolean;
  /** Where their root disks are to lie. */
  rootPlace?: RootPlace;
  /** The host that they have to be on. */
  onHostId?: string;
  /** Where the copies of volumes are to lie; beside their sources where nothing is said. */
  dataStorageId?: string | null;
}

/**
 * Makes servers like it: of its size, on its networks with addresses of their own, with a copy of its root disk as that
 * is at one moment. The guest goes on meanwhile. The action ends when the clones are registered; each is then built by an
 * action of its own. Throws `quota_exceeded`, and `invalid` (`block_device`) for a server that boots from a volume.
 */
export async function requestClone(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { names, withVolumes = false, ...wanted }: CloneRequest,
): Promise<{ server: Server; actionId: string; cloneIds: string[] }> {
  const clones = names.map((name) => ({ id: newId(cloud.env), name }));
  const begun = await beginTransition(cloud, subject, serverId, transitions.clone, async (tx, server) => {
    if (bootsFromVolume(server)) throw invalidMapping('a server that boots from a volume can not be cloned.');
    if (withVolumes && wanted.onHostId !== undefined && wanted.onHostId !== server.hostId)
      throw invalidMapping('its volumes are copied where they are, and the clones are to be on another host.');
    await checkQuotas(cloud, tx, server, names.length);
    const { image, disk } = await beginTemplate(cloud, tx, subject, server, { name: `clone-of-${server.name}` });
    const { userId, isAdmin } = subject;
    return {
      action: clone,
      input: {
        ...disk,
        serverId,
        templateId: image.id,
        clones,
        withVolumes,
        ...wanted,
        userId,
        isAdmin,
      },
    };
  });
  return { ...begun, cloneIds: clones.map(({ id }) => id) };
}
