import { CloudError } from '../errors.ts';
import { parseIpPrefix } from './ip-prefix.ts';
import type { SecurityGroupRule } from './model.ts';

/** What a rule says, without its identity. */
export type RuleContent = Pick<
  SecurityGroupRule,
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'portRangeMin'
  | 'portRangeMax'
  | 'remoteIpPrefix'
  | 'remoteGroupId'
  | 'remoteAddressGroupId'
  | 'description'
>;

/** IP protocols that have names here, with their numbers (IANA's registry). */
const protocolNumbers: Record<string, number> = {
  ip: 0,
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  egp: 8,
  udp: 17,
  dccp: 33,
  'ipv6-encap': 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  ospf: 89,
  vrrp: 112,
  pgm: 113,
  sctp: 132,
  udplite: 136,
};

const withPorts = new Set([6, 17, 33, 132, 136]);
const icmp = new Set([1, 58]);
const ipv6Only = new Set(['ipv6-encap', 'ipv6-route', 'ipv6-frag', 'ipv6-icmp', 'icmpv6', 'ipv6-nonxt', 'ipv6-opts']);

/** The protocol in the form rules keep it: a lower-case name or a number as text; null for any. Throws `invalid`. */
export function normalProtocol(asked: string | number | null | undefined): string | null {
  if (asked === null || asked === undefined) return null;
  const text = String(asked).toLowerCase();
  if (text === 'any') return null;
  if (Object.hasOwn(protocolNumbers, text)) return text;
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return String(Number(text));
  const names = Object.keys(protocolNumbers).join(', ');
  throw invalid(
    'security_group_rule_invalid_protocol',
    `Security group rule protocol ${asked} not supported. Only protocol values [${names}] and integer representations [0 to 255] are supported.`,
  );
}

/** Throws `invalid`, with Neutron's word for what is wrong, when the members of a rule don't fit each other. */
export function checkRule(rule: RuleContent): void {
  checkPeer(rule);
  checkPorts(rule);
}

/** Whether both rules let the same traffic through: a group has no such pair. */
export function sameRule(a: RuleContent, b: RuleContent): boolean {
  return (
    a.direction === b.direction &&
    a.ethertype === b.ethertype &&
    protocolNumber(a.protocol) === protocolNumber(b.protocol) &&
    a.portRangeMin === b.portRangeMin &&
    a.portRangeMax === b.portRangeMax &&
    a.remoteGroupId === b.remoteGroupId &&
    a.remoteAddressGroupId === b.remoteAddressGroupId &&
    normalizedPeer(a.remoteIpPrefix) === normalizedPeer(b.remoteIpPrefix)
  );
}

function checkPeer(rule: RuleContent): void {
  const named = [rule.remoteIpPrefix, rule.remoteGroupId, rule.remoteAddressGroupId].filter((peer) => peer !== null);
  if (named.length > 1) {
    throw invalid(
      'security_group_remote_group_and_remote_ip_prefix',
      'Only one of remote_ip_prefix, remote_group_id and remote_address_group_id may be provided.',
    );
  }
  if (rule.remoteIpPrefix === null) return;
  const prefix = parseIpPrefix(rule.remoteIpPrefix);
  if (!prefix) throw invalid('invalid_CIDR', `Invalid CIDR ${rule.remoteIpPrefix} given as IP prefix.`);
  if (`IPv${prefix.version}` !== rule.ethertype) {
    throw invalid(
      'security_group_rule_parameter_conflict',
      `Conflicting value ethertype ${rule.ethertype} for CIDR ${rule.remoteIpPrefix}`,
    );
  }
}

function checkPorts(rule: RuleContent): void {
  const { protocol, portRangeMin: min, portRangeMax: max } = rule;
  if (protocol !== null && ipv6Only.has(protocol) && rule.ethertype === 'IPv4') {
    throw invalid(
      'security_group_ethertype_conflict_with_protocol',
      `Invalid ethertype ${rule.ethertype} for protocol ${protocol}.`,
    );
  }
  if (min === null && max === null) return;
  const number = protocolNumber(protocol);
  if (number === null) {
    throw invalid('security_group_protocol_required_with_ports', 'Must also specify protocol if port range is given.');
  }
  if (icmp.has(number)) {
    checkIcmp(min, max);
    return;
  }
  if (!withPorts.has(number)) {
    throw invalid(
      'security_group_invalid_protocol_for_port',
      `Invalid protocol ${protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP.`,
    );
  }
  for (const port of [min, max]) {
    if (port === null || (port > 0 && port <= 65535)) continue;
    throw invalid('security_group_invalid_port_value', `Invalid value for port ${port}`);
  }
  if (min !== null && max !== null && min <= max) return;
  throw invalid('security_group_invalid_port_range', 'For TCP/UDP protocols, port_range_min must be <= port_range_max');
}

function checkIcmp(type: number | null, code: number | null): void {
  if (type === null) {
    throw invalid(
      'security_group_missing_icmp_type',
      `ICMP code (port-range-max) ${code} is provided but ICMP type (port-range-min) is missing.`,
    );
  }
  for (const [field, value] of Object.entries({ 'type (port-range-min)': type, 'code (port-range-max)': code })) {
    if (value === null || (value >= 0 && value <= 255)) continue;
    throw invalid(
      'security_group_invalid_icmp_value',
      `Invalid value for ICMP ${field} ${value}. It must be 0 to 255.`,
    );
  }
}

export function protocolNumber(protocol: string | null): number | null {
  return protocol === null ? null : (protocolNumbers[protocol] ?? Number(protocol));
}

function normalizedPeer(prefix: string | null): string | null {
  return prefix === null ? null : (parseIpPrefix(prefix)?.normalized ?? prefix);
}

function invalid(reason: string, message: string): CloudError {
  return new CloudError('invalid', message, { reason });
}
