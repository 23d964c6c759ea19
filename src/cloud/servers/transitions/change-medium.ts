import { type Static, Type } from 'typebox';
import { AgentError } from '../../../agent/contract.ts';
import { updateRow } from '../../../database/statement.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { notFound } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { bringImage } from '../../volumes/image-cache.ts';
import { transitions } from '../states.ts';
import { isGoingAway } from '../steps/guest.ts';
import { beginTransition } from '../transition.ts';

const inputSchema = Type.Object({
  serverId: Type.String(),
  cdromId: Type.String(),
  /** What is to be in the drive, and what is in it now; absent for nothing. */
  imageId: Type.Optional(Type.String()),
  oldImageId: Type.Optional(Type.String()),
  /** Absent while the server is on no host. */
  hostId: Type.Optional(Type.String()),
});
type Input = Static<typeof inputSchema>;

const isOnHost = ({ input }: { input: Input }) => input.hostId !== undefined;
const isFilled = ({ input }: { input: Input }) => input.imageId !== undefined;
const retry = { attempts: 3, backoffMs: 500 };

const bringMedium = step<Input>('bringMedium', {
  retry,
  do: async ({ services, input }) => bringImage(services, input.hostId!, input.imageId!),
  // Nothing to undo: the cache is for everybody, and its reconciler clears it.
});

const insertMedium = step<Input>('insertMedium', {
  retry,
  async do({ services, input: { hostId, serverId, cdromId, imageId } }) {
    await services.hosts.agent(hostId!).changeMedium(serverId, { cdromId, ...(imageId ? { imageId } : {}) });
  },
  async undo({ services, input, isSuperseded }) {
    const { hostId, serverId, cdromId, oldImageId: imageId } = input;
    // What was done with the server since has made its guest as the rows say.
    if (isSuperseded || isGoingAway(await services.servers.byId(serverId))) return;
    try {
      await services.hosts.agent(hostId!).changeMedium(serverId, { cdromId, ...(imageId ? { imageId } : {}) });
    } catch (error) {
      // The host has let go of it already: it is there again when the guest is started.
      if (!(error instanceof AgentError) || error.code !== 'not_found') throw error;
    }
  },
});

export const changeMedium = action(
  'server.change-medium',
  inputSchema,
  [span('compute_change_medium', [when(isOnHost, [when(isFilled, [bringMedium]), insertMedium])])],
  {
    async succeeded(tx, { input, now }) {
      await updateRow(tx, 'cdroms', input.cdromId, { image_id: input.imageId ?? null, updated_at: now });
    },
    /** The drive has what was in it. */
    async failed() {},
  },
);

/** Changes what is in a drive: of a guest that runs at once, whether or not its system has locked the drive. */
export function requestChangeMedium(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { cdromId, imageId }: { cdromId: string; imageId: string | null },
) {
  return beginTransition(cloud, subject, serverId, transitions.changeMedium, async (tx, { hostId }) => {
    const drive = (await cloud.servers.cdroms.ofServer(serverId, tx)).find(({ id }) => id === cdromId);
    if (!drive) throw notFound('cdrom', cdromId, `CD-ROM ${cdromId} could not be found.`);
    return {
      action: changeMedium,
      input: {
        serverId,
        cdromId,
        ...(imageId === null ? {} : { imageId }),
        ...(drive.imageId === null ? {} : { oldImageId: drive.imageId }),
        ...(hostId === null ? {} : { hostId }),
      },
    };
  });
}
