import { Type } from 'typebox';

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

export const guestInput = {
  serverId: Type.String(),
  hostId: Type.String(),
  wasStopped: Type.Boolean(),
};

export const personality = Type.Array(Type.Object({ path: Type.String(), contents: Type.String() }));
