import type { HostAgent } from '../../agent/contract.ts';
import type { Cloud } from '../cloud.ts';
import { actionsAreKnown, actionsProgress, eventsAreClosed, failuresHaveCauses } from './actions.ts';
import { backupsAreWhole, bytesHaveBackups } from './backups.ts';
import { balancersHaveRouters } from './balancers.ts';
import {
  attachmentsAreLive,
  clonesAreKnown,
  disksAreKnown,
  disksExist,
  disksHaveOneWriter,
  disksHaveOwners,
  hostsHaveNoStrays,
  sharesAreInOrder,
  volumesAreSettled,
  volumesHaveDisks,
} from './disks.ts';
import { type Facts, readFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { bytesHaveImages, cachedImagesAreKnown, copiesHaveBytes, imagesAreSettled } from './images.ts';
import { addressesAreInSubnets, addressesAreUnique, portsAreBound } from './ports.ts';
import {
  allocationsAreExact,
  capacityIsKept,
  errorsHaveFaults,
  guestsAreAsServers,
  guestsAreOnOneHost,
  guestsHaveServers,
  serversAreSettled,
  serversHaveParts,
  storageRoomIsKept,
} from './servers.ts';

export type { Finding, Invariant } from './finding.ts';

/** What has to hold at any time, each rule a function from all facts to what breaks it. */
const invariants: ReadonlyArray<(facts: Facts) => Finding[]> = [
  serversAreSettled,
  errorsHaveFaults,
  serversHaveParts,
  guestsAreAsServers,
  guestsHaveServers,
  guestsAreOnOneHost,
  allocationsAreExact,
  capacityIsKept,
  storageRoomIsKept,
  disksAreKnown,
  clonesAreKnown,
  disksExist,
  disksHaveOwners,
  disksHaveOneWriter,
  volumesAreSettled,
  volumesHaveDisks,
  attachmentsAreLive,
  sharesAreInOrder,
  backupsAreWhole,
  bytesHaveBackups,
  hostsHaveNoStrays,
  portsAreBound,
  addressesAreInSubnets,
  addressesAreUnique,
  balancersHaveRouters,
  imagesAreSettled,
  copiesHaveBytes,
  bytesHaveImages,
  cachedImagesAreKnown,
  actionsProgress,
  failuresHaveCauses,
  eventsAreClosed,
];

/**
 * Holds what the database says against what hosts and image stores really have: nothing is stuck, nothing leaked, nothing
 * lost. It changes nothing, and may run while the cloud is at work. An empty list means that all is well; findings of
 * the level `remaining work` are no fault.
 *
 * @param agents the hosts to look at, by id; those of this process where none are given
 */
export async function auditCloud(
  cloud: Cloud,
  agents: ReadonlyMap<string, HostAgent> = cloud.hosts.agents,
): Promise<Finding[]> {
  const facts = await readFacts(cloud, agents);
  const kinds = new Set(cloud.runner.actions.map(({ kind }) => kind));
  return [...facts.unanswered, ...invariants.flatMap((rule) => rule(facts)), ...actionsAreKnown(facts, kinds)];
}

/** Whether nothing is wrong: work that remains is not. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level === 'remaining work');
}
