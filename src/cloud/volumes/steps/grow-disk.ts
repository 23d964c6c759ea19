import { step } from '../../actions.ts';

export interface GrowInput {
  diskId: string;
  hostId: string;
  /** Bytes. */
  newSize: number;
}

/** Makes a disk larger where it is. The system of a guest that has it sees the new size at once. */
export const growDisk = step<GrowInput, { actualSize: number }>('growDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const agent = services.hosts.agent(input.hostId);
    await agent.diskUsage(input.diskId); // it must be there: a missing disk would be made anew
    const disk = { diskId: input.diskId, size: input.newSize, base: { kind: 'blank' } as const };
    const { actualSize } = await services.hosts.ensureDisk(input.hostId, disk);
    return { state: { actualSize } };
  },
  // Nothing to undo: a disk can't shrink, and one that is larger than its volume says harms nobody.
});
