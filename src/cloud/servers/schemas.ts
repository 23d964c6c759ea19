import { type Static, Type } from 'typebox';
import type { DiskContent } from '../../agent/contract.ts';

/** Parts of the inputs of server actions, as their journals hold them. */
export const flavorFacts = Type.Object({
  id: Type.String(),
  uuid: Type.String(),
  name: Type.String(),
  vcpus: Type.Number(),
  memoryMb: Type.Number(),
  diskGb: Type.Number(),
  ephemeralGb: Type.Number(),
  swapMb: Type.Number(),
  extraSpecs: Type.Record(Type.String(), Type.String()),
});

/** What is to be on a local disk that is made. */
export const localContent = Type.Object({
  content: Type.Optional(
    Type.Unsafe<DiskContent>(Type.Object({ format: Type.String(), label: Type.Optional(Type.String()) })),
  ),
});

/** Where the own root disk of a server is to lie. Where neither is said, wherever there is most room. */
export const rootPlace = Type.Object({
  /** Here, or nowhere: a storage, or null for the own disk of its host. */
  storageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Here, if there is room. */
  nearStorageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
export type RootPlace = Static<typeof rootPlace>;

export const guestInput = {
  serverId: Type.String(),
  hostId: Type.String(),
  wasStopped: Type.Boolean(),
};

export const personality = Type.Array(Type.Object({ path: Type.String(), contents: Type.String() }));
