import { formatIpv4, parseIpv4 } from '../../../cloud/networks/addresses.ts';
import type { RuleSet } from '../../../cloud/security-rule-sets/rule-sets.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';

/** A rule as requests say it. */
export interface WrittenRule {
  type?: string;
  protocol?: string;
  startPort?: number;
  endPort?: number;
  dstPortRange?: string;
  allowedCidr?: string;
  srcIpRange?: string;
  dstIpRange?: string;
  remoteSecurityGroupUuid?: string;
  ipVersion?: number;
  state?: string;
  action?: string;
  description?: string;
}

const protocols = { ALL: null, TCP: 'tcp', UDP: 'udp', ICMP: 'icmp' } as const;
const lastPort = 65535;

/** What the engine makes of a rule. Throws for what it can't hold: rules that drop, and rules that are switched off. */
export function ruleSetOf(rule: WrittenRule): RuleSet {
  if ((rule.action ?? 'ACCEPT') !== 'ACCEPT') {
    throw new ZStackError('SYS.1014', 'rules with action[DROP] are not offered: what no rule lets through is dropped');
  }
  if ((rule.state ?? 'Enabled') !== 'Enabled') {
    throw new ZStackError('SYS.1014', 'rules with state[Disabled] are not offered by this cloud');
  }
  const direction = rule.type === 'Ingress' ? 'ingress' : rule.type === 'Egress' ? 'egress' : undefined;
  if (!direction) throw invalidArgument(`valid value for field[type] are [Ingress, Egress], but ${rule.type} found`);
  const written = (rule.protocol ?? 'ALL').toUpperCase();
  if (!Object.hasOwn(protocols, written)) {
    throw invalidArgument(`valid value for field[protocol] are [ALL, TCP, UDP, ICMP], but ${rule.protocol} found`);
  }
  const protocol = protocols[written as keyof typeof protocols];
  const set: RuleSet = { direction, ethertype: rule.ipVersion === 6 ? 'IPv6' : 'IPv4', protocol };
  const ports = portsOf(rule, protocol);
  if (ports) set.ports = ports;
  const addresses = addressesOf(rule, direction);
  if (addresses) set.addresses = addresses;
  if (rule.remoteSecurityGroupUuid) set.remoteGroupId = rule.remoteSecurityGroupUuid;
  if (rule.description) set.description = rule.description;
  if (set.addresses && set.remoteGroupId) {
    throw invalidArgument('a rule can have an ip range or a remoteSecurityGroupUuid, not both');
  }
  return set;
}

function portsOf(rule: WrittenRule, protocol: RuleSet['protocol']): RuleSet['ports'] {
  const { startPort = -1, endPort = -1 } = rule;
  const spelt = startPort < 0 ? undefined : endPort > startPort ? `${startPort}-${endPort}` : String(startPort);
  const text = rule.dstPortRange?.trim() || spelt;
  // Ports of ICMP are its type and code to some clients, and nothing to others: -1 and 0 mean any.
  if (!text || protocol === 'icmp') return undefined;
  if (protocol === null) throw invalidArgument('ports need a protocol: TCP or UDP');
  const ranges = text.split(',').map((part) => {
    const [first, last = first] = part.trim().split('-').map(Number);
    const isRange = Number.isInteger(first) && Number.isInteger(last) && first! <= last! && last! <= lastPort;
    if (!isRange || first! < 0) throw invalidArgument(`invalid port range[${part}] in [${text}]`);
    return [first!, last!] as const;
  });
  return { text, ranges };
}

function addressesOf(rule: WrittenRule, direction: RuleSet['direction']): RuleSet['addresses'] {
  const text = (direction === 'ingress' ? rule.srcIpRange : rule.dstIpRange)?.trim() || rule.allowedCidr?.trim();
  if (!text) return undefined;
  return { text, prefixes: text.split(',').flatMap((part) => prefixesOf(part.trim())) };
}

/** `10.0.0.0/24`, `10.0.0.5` or `10.0.0.1-10.0.0.10` as networks. */
function prefixesOf(range: string): string[] {
  const [from, to] = range.split('-');
  if (to === undefined) return [range];
  const first = parseIpv4(from!.trim());
  const last = parseIpv4(to.trim());
  if (first === undefined || last === undefined || first > last) throw invalidArgument(`invalid ip range[${range}]`);
  const prefixes: string[] = [];
  for (let next = first; next <= last; ) {
    // The largest network that begins here and does not reach past the end.
    let bits = 0;
    while (bits < 32 && next % 2 ** (bits + 1) === 0 && next + 2 ** (bits + 1) - 1 <= last) bits += 1;
    prefixes.push(`${formatIpv4(next)}/${32 - bits}`);
    next += 2 ** bits;
  }
  return prefixes;
}
