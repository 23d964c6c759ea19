import type { Queryable, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Networks } from '../networks/networks.ts';
import type { NewSecurityGroupRule } from '../networks/security-group-rules.ts';

/** One rule as ZStack's users write it: several port and address ranges at once. */
export interface RuleSet {
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** Null for any. */
  protocol: 'tcp' | 'udp' | 'icmp' | null;
  /** Ranges of ports, as they were written and as they are meant; none for any. */
  ports?: { text: string; ranges: ReadonlyArray<readonly [number, number]> };
  /** Networks in CIDR notation, as they were written and as they are meant; none for any. */
  addresses?: { text: string; prefixes: readonly string[] };
  remoteGroupId?: string;
  description?: string;
}

/** The most rules of the engine that one rule set may become. */
const maxMembers = 100;

/** Security group rules that are made, shown and deleted together. Each is one or more of the engine's own rules. */
export class SecurityRuleSets {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #networks: Networks;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, networks: Networks) {
    this.#core = core;
    this.#networks = networks;
  }

  /**
   * Adds all of them or none. `priority` is the place of the first among the group's rules of its direction, from 1;
   * without one they come last. Nothing hangs on the order: every rule lets something through. Gives the sets' ids.
   */
  async add(subject: Subject, groupId: string, sets: readonly RuleSet[], priority?: number): Promise<string[]> {
    const made = await this.#core.db.write((tx) => this.#addIn(tx, subject, groupId, sets, priority));
    this.#networks.notifyChange();
    return made;
  }

  /** Puts another set in the place of one, or leaves that as it is. Gives the id of the new one. Throws `not_found`. */
  async replace(subject: Subject, setId: string, groupId: string, set: RuleSet, priority?: number): Promise<string> {
    const [made] = await this.#core.db.write(async (tx) => {
      if ((await this.#deleteIn(tx, subject, setId)) === 0) throw notFound('security_group_rule', setId);
      return await this.#addIn(tx, subject, groupId, [set], priority);
    });
    this.#networks.notifyChange();
    return made!;
  }

  async #addIn(
    tx: Tx,
    subject: Subject,
    groupId: string,
    sets: readonly RuleSet[],
    priority?: number,
  ): Promise<string[]> {
    const ids: string[] = [];
    for (const [index, set] of sets.entries()) {
      const rules = rulesOf(groupId, set);
      const place = priority ?? (await this.#lastPriority(tx, groupId, set.direction)) + 1;
      let setId: string | undefined;
      for (const rule of rules) {
        const { id } = await this.#networks.securityGroupRules.createIn(tx, subject, rule);
        setId ??= id;
        const row = {
          rule_id: id,
          set_id: setId,
          priority: priority === undefined ? place : place + index,
          members: rules.length,
          ports: set.ports?.text ?? null,
          addresses: set.addresses?.text ?? null,
        };
        await tx.insertInto('security_group_rule_sets').values(row).execute();
      }
      ids.push(setId!);
    }
    return ids;
  }

  /** The rules of a set, or the rule itself where it is of no set. Empty where there is none that the subject may see. */
  async members(subject: Subject, setId: string, db: Queryable = this.#core.db.read): Promise<string[]> {
    const query = db
      .selectFrom('security_group_rules')
      .leftJoin('security_group_rule_sets', 'security_group_rule_sets.rule_id', 'security_group_rules.id')
      .select('security_group_rules.id')
      .where((eb) =>
        eb.or([
          eb('security_group_rule_sets.set_id', '=', setId),
          eb.and([eb('security_group_rules.id', '=', setId), eb('security_group_rule_sets.set_id', 'is', null)]),
        ]),
      );
    const visible = subject.isAdmin
      ? query
      : query.where('security_group_rules.project_id', '=', subject.projectId ?? '');
    return (await visible.execute()).map(({ id }) => id);
  }

  /** Takes a set away with all its rules. One that is not there is gone already. */
  async delete(subject: Subject, setId: string): Promise<void> {
    await this.#core.db.write((tx) => this.#deleteIn(tx, subject, setId));
    this.#networks.notifyChange();
  }

  /** Gives how many rules went. */
  async #deleteIn(tx: Tx, subject: Subject, setId: string): Promise<number> {
    const members = await this.members(subject, setId, tx);
    for (const id of members) await this.#networks.securityGroupRules.deleteIn(tx, subject, id);
    return members.length;
  }

  async #lastPriority(
    tx: Pick<CloudCore['db']['read'], 'selectFrom'>,
    groupId: string,
    direction: 'ingress' | 'egress',
  ): Promise<number> {
    const { last } = await tx
      .selectFrom('security_group_rules')
      .innerJoin('security_group_rule_sets', 'security_group_rule_sets.rule_id', 'security_group_rules.id')
      .select((eb) => eb.fn.max<number | null>('security_group_rule_sets.priority').as('last'))
      .where('security_group_rules.security_group_id', '=', groupId)
      .where('security_group_rules.direction', '=', direction)
      .executeTakeFirstOrThrow();
    return Number(last ?? 0);
  }
}

/** One rule for each pair of a port range and an address range. */
function rulesOf(securityGroupId: string, set: RuleSet): NewSecurityGroupRule[] {
  const { direction, ethertype, protocol, remoteGroupId = null, description = '' } = set;
  const ranges = set.ports?.ranges ?? [[null, null] as const];
  const prefixes: readonly (string | null)[] = set.addresses?.prefixes ?? [null];
  if (ranges.length * prefixes.length > maxMembers) {
    const words = `a rule can have ${maxMembers} pairs of ports and addresses at most`;
    throw new CloudError('invalid', words, { reason: 'too_many' });
  }
  return ranges.flatMap(([portRangeMin, portRangeMax]) =>
    prefixes.map((remoteIpPrefix) => ({
      securityGroupId,
      direction,
      ethertype,
      protocol,
      portRangeMin,
      portRangeMax,
      remoteIpPrefix,
      remoteGroupId,
      description,
    })),
  );
}
