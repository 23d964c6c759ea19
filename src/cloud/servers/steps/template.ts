import type { Tx } from '../../../database/database.ts';
import { step } from '../../actions.ts';
import type { ReceivedImage } from '../../images/receive.ts';

/** Steps that make an image of a server's root disk. */
export interface TemplateInput {
  /** The server whose guest may have the disk open. */
  serverId?: string;
  hostId: string;
  templateId: string;
  diskId: string;
}

export interface TemplateState {
  staged: { storeId: string; path: string };
  adopted: ReceivedImage & { storeId: string };
}

const retry = { attempts: 2, backoffMs: 1000 };

/** The host writes a self-contained copy of the disk, as of one moment, into the image store. The guest goes on. */
export const exportRootDisk = step<TemplateInput, TemplateState>('exportRootDisk', {
  retry,
  async do({ services, input }) {
    const staged = await services.images.templates.stage(input.templateId);
    await services.hosts.agent(input.hostId).exportDisk({
      diskId: input.diskId,
      serverId: input.serverId,
      format: 'qcow2',
      target: { kind: 'file', path: staged.path },
    });
    return { state: { staged } };
  },
  undo: ({ services, input, state }) => services.images.templates.discard(input.templateId, state.staged),
});

/** The store hashes and inspects what the host has written, and takes it in. */
export const adoptTemplate = step<TemplateInput, TemplateState>('adoptTemplate', {
  retry,
  async do({ services, input, state, signal }) {
    const staged = state.staged!;
    const received = await services.images.templates.adopt(input.templateId, staged, signal);
    return { state: { adopted: { ...received, storeId: staged.storeId } } };
  },
  undo: ({ services, input, state }) => services.images.templates.discard(input.templateId, state.staged),
});

/** Makes the image one that everybody entitled can use. */
export const publishTemplate = step<TemplateInput, TemplateState>('publishTemplate', {
  async do({ services, input, state, requestId }) {
    const adopted = state.adopted!;
    return { commit: (tx: Tx) => services.images.templates.complete(tx, input.templateId, adopted, { requestId }) };
  },
  undo: async ({ services, input }) => ({
    commit: (tx: Tx) => services.images.templates.retract(tx, input.templateId),
  }),
});
