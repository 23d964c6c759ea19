import type { Cloud } from '../cloud/cloud.ts';
import { CloudError } from '../cloud/errors.ts';
import { operator } from '../cloud/identity/subject.ts';
import type { ActionsTable, VmState } from '../database/schema.ts';
import type { Promised } from './requests.ts';

const subject = operator();

/** What a server may be after an action of the name has succeeded, where it is not what it was before. */
const after: Record<string, readonly VmState[]> = {
  create: ['active'],
  start: ['active'],
  stop: ['stopped'],
  reboot: ['active'],
  pause: ['paused'],
  unpause: ['active'],
  suspend: ['suspended'],
  resume: ['active'],
  rescue: ['rescued'],
  unrescue: ['active'],
  rebuild: ['active', 'stopped'],
  resize: ['resized'],
  confirmResize: ['active', 'stopped'],
  revertResize: ['active', 'stopped'],
  shelve: ['shelved', 'shelved_offloaded'],
  unshelve: ['active'],
};

/** Actions on whose way the guest is ended. */
const endsGuest: ReadonlySet<string> = new Set(['shelve', 'rescue', 'unrescue', 'resize', 'rebuild', 'revertResize']);

/**
 * What users have been told, and what has to be true because of that: what was made is there, what was deleted is gone
 * for ever, and a server is in a state to which the actions in its log lead. It knows nothing of how the cloud works.
 */
export class Model {
  readonly #made = new Map<string, Promised['resource']>();
  readonly #deleted = new Map<string, Promised['resource']>();
  /** What each server may be, as of the last check. */
  readonly #states = new Map<string, { states: Set<VmState>; asOf: number }>();
  /** Servers whose guests may have ended by themselves since the last check. */
  readonly #mayBeOff = new Set<string>();

  note({ what, resource, id }: Promised): void {
    if (what === 'is there') this.#made.set(id, resource);
    else this.#deleted.set(id, resource);
  }

  noteEnded(serverId: string): void {
    this.#mayBeOff.add(serverId);
  }

  get promises(): number {
    return this.#made.size + this.#deleted.size;
  }

  /** What is not as it has to be, once all has come to rest. */
  async check(cloud: Cloud): Promise<string[]> {
    return [...(await this.#checkPromises(cloud)), ...(await this.#checkStates(cloud))];
  }

  async #checkPromises(cloud: Cloud): Promise<string[]> {
    const wrong: string[] = [];
    for (const [id, resource] of this.#deleted) {
      if (await isThere(cloud, resource, id)) wrong.push(`The ${resource} ${id} was deleted, and is there.`);
    }
    for (const [id, resource] of this.#made) {
      if (this.#deleted.has(id) || (await wasAskedAway(cloud, id))) continue;
      if (!(await isThere(cloud, resource, id))) wrong.push(`The ${resource} ${id} was made, and is not there.`);
    }
    return wrong;
  }

  async #checkStates({ db }: Cloud): Promise<string[]> {
    const wrong: string[] = [];
    const servers = await db.read
      .selectFrom('servers')
      .select(['id', 'vm_state', 'number'])
      .where('deleted_at', 'is', null)
      .orderBy('number')
      .execute();
    for (const { id, vm_state } of servers) {
      const known = this.#states.get(id) ?? { states: new Set<VmState>(['building']), asOf: 0 };
      const actions = await db.read
        .selectFrom('actions')
        .selectAll()
        .where('resource_id', '=', id)
        .where('created_at', '>', known.asOf)
        .orderBy('created_at')
        .execute();
      const states = actions.reduce((before, action) => this.#next(id, before, action), this.#orOff(id, known.states));
      if (!states.has(vm_state)) {
        const log = actions.map(({ name, state }) => `${name} ${state}`).join(', ');
        wrong.push(`Server ${id} is ${vm_state}, and may be ${[...states].join(' or ')} after: ${log || 'nothing'}.`);
      }
      const asOf = actions.at(-1)?.created_at ?? known.asOf;
      this.#states.set(id, { states: new Set([vm_state]), asOf });
    }
    this.#mayBeOff.clear();
    return wrong;
  }

  #next(id: string, before: Set<VmState>, { name, state }: ActionsTable): Set<VmState> {
    const wanted = after[name] ?? [...before];
    if (state === 'succeeded') return this.#orOff(id, new Set(wanted));
    // What failed leaves the server as it was, or in error; what is undone late may have had its effect.
    const left = new Set<VmState>([...before, ...(state === 'failed' ? [] : wanted), 'error']);
    // A guest that was ended for it is started again, unless something else was asked meanwhile; it begins anew.
    if (endsGuest.has(name)) for (const one of ['active', 'stopped'] as const) left.add(one);
    return this.#orOff(id, left);
  }

  #orOff(id: string, states: Set<VmState>): Set<VmState> {
    return this.#mayBeOff.has(id) ? new Set([...states, 'stopped']) : states;
  }
}

async function isThere(cloud: Cloud, resource: Promised['resource'], id: string): Promise<boolean> {
  const get = {
    server: () => cloud.servers.get(subject, id),
    volume: () => cloud.blockStorage.get(subject, id),
    image: () => cloud.images.get(subject, id),
  };
  try {
    await get[resource]();
    return true;
  } catch (error) {
    if (error instanceof CloudError && error.code === 'not_found') return false;
    throw error;
  }
}

/** Whether its deletion was asked for, though nobody was told that it was: the control plane died before. */
async function wasAskedAway({ db }: Cloud, id: string): Promise<boolean> {
  const asked = await db.read
    .selectFrom('actions')
    .select('id')
    .where('resource_id', '=', id)
    .where('kind', 'in', ['server.delete', 'volume.delete'])
    .executeTakeFirst();
  return asked !== undefined;
}
