import type { HostAgent } from '../contract.ts';

/**
 * What a far host is asked, as plain JSON. Nobody knows what became of a question whose answer was lost with the line: all
 * may be asked again, also while the host still works on the first one, but for `injectNmi`, which no step asks twice.
 */
export const verbs = [
  'describe',
  'ensureImageCached',
  'removeCachedImage',
  'ensureDisk',
  'ensureDisks',
  'removeDisk',
  'diskUsage',
  'exportDisk',
  'ensureConfigDrive',
  'ensureGuestRunning',
  'stopGuest',
  'rebootGuest',
  'pauseGuest',
  'resumeGuest',
  'suspendGuest',
  'injectNmi',
  'attachDisk',
  'detachDisk',
  'removeGuest',
  'guestState',
  'consoleLog',
  'applyNetworks',
  'inventory',
  'offerDisk',
  'describeGuest',
  'receiveGuest',
  'sendGuest',
  'takeBackGuest',
  'sendProgress',
  'hurrySending',
  'acceptGuest',
  'guestDiagnostics',
  'guestDevices',
  'screenshot',
  'hasGuestAgent',
  'setGuestPassword',
  'attachNic',
  'detachNic',
  'changeMedium',
  'applyStorages',
  'swapDisk',
] as const satisfies ReadonlyArray<keyof HostAgent>;

export type Verb = (typeof verbs)[number];

/** What is more than a question and its answer. */
export type SpecialVerb = 'connectConsole' | 'serveMetadata' | 'watchGuests' | 'close';

/** Whoever adds a verb to the contract adds it here, or this does not compile. */
type Forgotten = Exclude<keyof HostAgent, Verb | SpecialVerb>;
const forgotten: Forgotten extends never ? true : Forgotten = true;

export const isVerb = (name: string): name is Verb => forgotten && (verbs as readonly string[]).includes(name);
