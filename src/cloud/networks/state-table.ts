import { type Life, lifeTable } from '../lives/life.ts';
import type { PortStatus } from './model.ts';

/**
 * Where a port is in its life: what uses it, and whether a host serves it. Neutron tells the same by `status`,
 * `device_id`, `device_owner` and `binding:host_id`.
 */
export const portStates = ['free', 'waiting', 'bound', "the network's own"] as const;
export type PortState = (typeof portStates)[number];

/** The state that a port's own columns tell. */
export function portStateOf(port: { deviceOwner: string; deviceId: string; hostId: string | null }): PortState {
  if (port.deviceOwner.startsWith('network:')) return "the network's own";
  if (port.deviceId === '') return 'free';
  return port.hostId === null ? 'waiting' : 'bound';
}

/** The status that users see of a port in each state, while nothing is under way. */
const statusIn: Record<PortState, PortStatus> = {
  free: 'DOWN',
  waiting: 'DOWN',
  bound: 'ACTIVE',
  "the network's own": 'ACTIVE',
};

const users = ['free', 'waiting', 'bound'] as const;
const servers = ['waiting', 'bound'] as const;

/** The life of a port that its project made: Neutron's and Nova's rules. */
export const portTransitions = {
  'give to a new server': { from: ['free'], busy: 'waiting', after: 'bound' },
  'attach to a server': { from: ['free'], busy: 'bound', after: 'bound' },
  'connect a router by it': { from: ['free'], busy: "the network's own", after: "the network's own" },
  'detach from its server': { from: ['bound'], busy: 'as before', after: 'free' },
  'shelve its server': { from: ['bound'], busy: 'as before', after: 'waiting' },
  'unshelve its server': { from: ['waiting'], busy: 'as before', after: 'bound' },
  'stop its server': { from: ['bound'], busy: 'as before', after: 'as before' },
  'delete its server': { from: servers, busy: 'as before', after: 'free' },
  change: { from: portStates, busy: 'as before', after: 'as before' },
  'change security groups': { from: users, busy: 'as before', after: 'as before' },
  'change addresses': { from: portStates, busy: 'as before', after: 'as before' },
  'change the MAC address': {
    from: ['free', 'waiting', "the network's own"],
    busy: 'as before',
    after: 'as before',
  },
  'give a floating IP': { from: portStates, busy: 'as before', after: 'as before' },
  delete: { from: users, busy: 'as before', after: 'gone' },
} as const satisfies Life<PortState>;

/** The life of ports as a page for readers: `docs/state-table-ports.md`. */
export function portStateTable(): string {
  return [
    '# What may be asked of a port, and when',
    '',
    '<!-- Made from src/cloud/networks/state-table.ts: vitest run src/cloud/networks/state-table.test.ts -u -->',
    '',
    "A port is `free`, or some server's: `waiting` while that server is on no host (it is being built, or is shelved), and",
    "`bound` to its host otherwise. Ports by which routers and the network's own services are reached are the network's",
    'own. What is not in the table is refused (HTTP 409, or 400 where Nova says so), and nothing changes.',
    '',
    'A port that was made together with its server goes with it; others are free again. While an interface is being',
    'attached to a guest that runs its port is `BUILD`. What fails leaves the port as it was.',
    '',
    ...lifeTable(portStates, portTransitions),
    '',
    '## Statuses',
    '',
    'What Neutron’s clients see while nothing is under way.',
    '',
    ...portStates.map((state) => `- ${state}: \`${statusIn[state]}\``),
    '',
  ].join('\n');
}
